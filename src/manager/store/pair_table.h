#pragma once

#include <string>
#include <vector>

#include "manager/store/store.h"

namespace hvis::manager {

/// Pairs that the host set, by VM.
class PairTable {
public:
    explicit PairTable(Database& database) : database_(database) {}

    /// By pool and key.
    Result<std::vector<HeldPair>, Failure> load(const Guid& vm);
    /// kNotFound for a VM that is not defined.
    Result<void, Failure> save(const Guid& vm, const HeldPair& pair);
    Result<void, Failure> remove(const Guid& vm, control::Pool pool, const std::string& key);

private:
    Database& database_;
};

}  // namespace hvis::manager
