#include "manager/store/sqlite_failure.h"

#include <string>

#include <sqlite3.h>

namespace hvis::manager {
namespace {

using control::ErrorCode;
using control::Failure;
using control::make_failure;

std::string with_path(std::string_view path, std::string_view words) {
    return "the database " + std::string(path) + " " + std::string(words);
}

}  // namespace

Failure damaged_file(std::string_view path, std::string_view finding) {
    return make_failure(
        ErrorCode::kFailed, with_path(path, "cannot be used: ") + std::string(finding),
        "nothing was changed; put a backup in its place with `hvisd --restore BACKUP` (the present "
        "file is kept beside it), or look into it with `sqlite3 " +
            std::string(path) + " .recover`");
}

Failure sqlite_failure(int code, std::string_view words, std::string_view path) {
    const std::string said = ": " + std::string(words);
    switch (code & 0xff) {
        case SQLITE_FULL:
            return make_failure(ErrorCode::kFailed, with_path(path, "has no room to grow") + said,
                                "make room on its disk, or raise `store.max_size`; hvisd goes on "
                                "by itself");
        case SQLITE_CORRUPT:
        case SQLITE_NOTADB:
            return damaged_file(path, words);
        case SQLITE_READONLY:
        case SQLITE_PERM:
        case SQLITE_CANTOPEN:
        case SQLITE_AUTH:
            return make_failure(ErrorCode::kFailed,
                                with_path(path, "cannot be opened or written") + said,
                                "the user that hvisd runs as must own the file and its folder, on "
                                "a file system that is mounted read-write");
        case SQLITE_BUSY:
        case SQLITE_LOCKED:
            return make_failure(ErrorCode::kFailed,
                                with_path(path, "is held by another program") + said,
                                "end the other program (`fuser " + std::string(path) +
                                    "` names it); hvisd tries again");
        case SQLITE_IOERR:
            return make_failure(ErrorCode::kFailed,
                                with_path(path, "cannot be read or written") + said,
                                "look for a full or failing disk in the kernel's log (`dmesg`)");
        default:
            return make_failure(ErrorCode::kFailed, with_path(path, "refused") + said);
    }
}

Failure sqlite_failure(sqlite3* handle, std::string_view path) {
    const int code = sqlite3_extended_errcode(handle);
    // A disk that fills up while the shared index of the WAL grows shows as an I/O error.
    const bool full = code == SQLITE_IOERR_SHMSIZE;
    return sqlite_failure(full ? SQLITE_FULL : code, sqlite3_errmsg(handle), path);
}

}  // namespace hvis::manager
