#pragma once

#include <array>
#include <chrono>
#include <string>

#include "base/result.h"
#include "base/unique_fd.h"
#include "control/failure.h"

namespace hvis::manager {

using control::Failure;

/// What SQLite puts behind a database's name for itself and its companions.
inline constexpr std::array<const char*, 4> kDatabaseSuffixes = {"", "-wal", "-shm", "-journal"};

/// The files of a database: PATH, PATH-wal and PATH-shm (SQLite's), PATH.lock (ours).

/// Takes the lock that keeps a second hvisd from the same file; it ends with the descriptor, also
/// when the process is killed. Tries for `patience`.
Result<UniqueFd, Failure> lock_database(const std::string& path,
                                        std::chrono::milliseconds patience);
/// True where a new database may be made. A file of no bytes, or a WAL without its database, is
/// damage.
Result<bool, Failure> file_is_missing(const std::string& path);
/// Makes an empty file that only its owner may read; fails if there is one.
Result<void, Failure> make_private_file(const std::string& path);
/// Run by root, gives a file that root has made to the owner of its folder: the database is
/// hvisd's, whoever puts it back. A file that has other names is left alone, as it may be of
/// elsewhere.
Result<void, Failure> give_to_owner_of_folder(const std::string& path);
/// Gives a finished file its name, which must be free, and waits until all is on the disk.
Result<void, Failure> publish_file(const std::string& finished, const std::string& path);
/// Removes the file and what SQLite keeps beside it.
void remove_database_files(const std::string& path);

}  // namespace hvis::manager
