#pragma once

#include <optional>
#include <string>

#include "manager/store/database.h"

namespace hvis::manager {

/// Small things with a name.
class SettingTable {
public:
    explicit SettingTable(Database& database) : database_(database) {}

    Result<std::optional<std::string>, Failure> load(const std::string& name);
    Result<void, Failure> save(const std::string& name, const std::string& value);

private:
    Database& database_;
};

}  // namespace hvis::manager
