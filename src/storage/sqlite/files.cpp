#include "storage/sqlite/files.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>

#include "base/log.hpp"
#include "storage/error.hpp"

namespace pricewire::storage::sqlite {
namespace {

constexpr mode_t others = S_IRWXG | S_IRWXO;

std::string mode_of(const struct stat& file) {
    return fmt::format("{:04o}", file.st_mode & 07777);
}

void close_to_others(const std::filesystem::path& file) {
    struct stat found{};
    if (stat(file.c_str(), &found) != 0 || !S_ISREG(found.st_mode) || (found.st_mode & others) == 0) return;
    if (chmod(file.c_str(), found.st_mode & ~others & 07777) == 0) {
        log::warn("other users could access a file of the database; now only its owner can",
                  {{"file", file.string()}, {"mode_before", mode_of(found)}});
        return;
    }
    throw StorageError(
        fmt::format(
            "database: other users may access {0} (mode {1}), and this user cannot change that ({2}): "
            "run chmod 600 {0} as its owner, or give it to the user that runs Pricewire",
            file.string(), mode_of(found), std::generic_category().message(errno)),
        Trouble::denied);
}

void create_parent(const std::filesystem::path& parent) {
    std::error_code error;
    if (parent.empty() || std::filesystem::exists(parent, error)) return;
    std::filesystem::create_directories(parent, error);
    if (error) throw StorageError(fmt::format("cannot create {}: {}", parent.string(), error.message()));
    std::filesystem::permissions(parent, std::filesystem::perms::owner_all, error);
}

// Whoever may write a directory may replace the files in it.
void look_at_directory(const std::filesystem::path& database) {
    const auto directory = database.has_parent_path() ? database.parent_path() : ".";
    struct stat found{};
    if (stat(directory.c_str(), &found) != 0 || (found.st_mode & S_ISVTX) != 0) return;
    if ((found.st_mode & (S_IWGRP | S_IWOTH)) == 0) return;
    log::warn("other users can replace the database, since they may write its directory",
              {{"directory", directory.string()}, {"mode", mode_of(found)}});
}

[[noreturn]] void refuse(const std::string& file, std::string_view what) {
    throw StorageError(
        fmt::format("database: {} {} while it was open, so nothing is stored any more; put it back, or "
                    "stop Pricewire, restore the database from a backup and start again",
                    file, what),
        Trouble::gone);
}

}  // namespace

std::vector<std::filesystem::path> files_of(const std::filesystem::path& database) {
    // SQLite puts them beside the file that a symbolic link names.
    std::error_code error;
    const auto file = std::filesystem::weakly_canonical(database, error);
    const std::string name = error ? database.string() : file.string();
    return {database, name + "-wal", name + "-shm"};
}

void make_private(const std::filesystem::path& database) {
    create_parent(database.parent_path());
    look_at_directory(database);
    for (const auto& file : files_of(database)) close_to_others(file);
    // If it cannot be created, SQLite reports why. An existing one is not opened: closing it would release the
    // locks of this process's other connections.
    const int fd = open(database.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd >= 0) close(fd);
}

OpenFiles::OpenFiles(const std::filesystem::path& database) {
    const auto files = files_of(database);
    constexpr std::array sizes{&Sizes::database, &Sizes::log, static_cast<std::int64_t Sizes::*>(nullptr)};
    for (std::size_t i = 0; i < files.size(); ++i) {
        struct stat found{};
        if (stat(files[i].c_str(), &found) == 0)
            identities_.push_back({files[i].string(), found.st_dev, found.st_ino, sizes[i]});
    }
}

OpenFiles::Sizes OpenFiles::check() const {
    Sizes sizes;
    for (const Identity& known : identities_) {
        struct stat found{};
        const bool there = stat(known.path.c_str(), &found) == 0;
        // A checkpoint leaves at least one page in the file, so an empty one was truncated. "-wal" may be empty.
        const bool same = there && found.st_dev == known.device && found.st_ino == known.inode;
        if (known.size != nullptr) sizes.*known.size = found.st_size;
        if (same && (found.st_size > 0 || &known != &identities_.front())) continue;
        const char* what = same    ? "was emptied"
                           : there ? "was replaced by another file"
                                   : "was deleted or moved";
        refuse(known.path, what);
    }
    return sizes;
}

void OpenFiles::refuse_truncated(const std::filesystem::path& file) {
    refuse(file.string(), "was truncated or overwritten");
}

}  // namespace pricewire::storage::sqlite
