#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace pricewire::storage::sqlite {

// What a database consists of: its file, then "-wal" and "-shm" beside it.
std::vector<std::filesystem::path> files_of(const std::filesystem::path& database);

// Makes the database's files accessible to their owner only, and logs each that was not; creates the file, and
// its directory, if they do not exist. Throws StorageError, saying what to do, if files that others may access
// belong to another user.
void make_private(const std::filesystem::path& database);

// Recognizes that the files of an open database are no longer those that its path names: they were deleted,
// moved or replaced, so that what is committed would be lost with this process. Thread-safe.
class OpenFiles {
public:
    // As the files are now; to be created once the database is open.
    explicit OpenFiles(const std::filesystem::path& database);
    // In bytes; zero for a file that was not there at first.
    struct Sizes {
        std::int64_t database = 0;
        std::int64_t log = 0;
    };
    // Throws StorageError (Trouble::gone) that names the file. Costs microseconds. Never opens a file: closing
    // it would release this process's locks on it.
    Sizes check() const;
    // Throws StorageError (Trouble::gone): the file has lost a part of what it held.
    [[noreturn]] static void refuse_truncated(const std::filesystem::path& file);

private:
    struct Identity {
        std::string path;
        dev_t device;
        ino_t inode;
        std::int64_t Sizes::* size;
    };
    std::vector<Identity> identities_;
};

}  // namespace pricewire::storage::sqlite
