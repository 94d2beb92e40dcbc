#pragma once

#include <vector>

#include "manager/store/store.h"

namespace hvis::manager {

/// Bearer tokens.
class TokenTable {
public:
    explicit TokenTable(Database& database) : database_(database) {}

    Result<void, Failure> save(const TokenRecord& token);
    /// The oldest first. A token whose role this version does not know is left out: it opens
    /// nothing.
    Result<std::vector<TokenRecord>, Failure> load();
    /// False when there was none.
    Result<bool, Failure> remove(const Guid& id);

private:
    Database& database_;
};

}  // namespace hvis::manager
