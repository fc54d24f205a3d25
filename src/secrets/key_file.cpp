#include "secrets/key_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

#include "base/crypto.hpp"
#include "base/log.hpp"
#include "base/mutex.hpp"
#include "base/unusable.hpp"

namespace pricewire::secrets {
namespace {

constexpr std::size_t max_file_size = 128 * 1024;
constexpr std::string_view heading =
    "# Pricewire's master keys. They seal the webhook secrets in the database, which are lost without them:\n"
    "# keep a copy of this file apart from the database. The first key is the current one, the others are\n"
    "# previous ones. 'pricewire rotate-master-key' replaces the file.\n";

// Identifies one version of a file.
struct Stamp {
    dev_t device{};
    ino_t inode{};
    off_t size{};
    timespec changed{};
    friend bool operator==(const Stamp& a, const Stamp& b) {
        return a.device == b.device && a.inode == b.inode && a.size == b.size &&
               a.changed.tv_sec == b.changed.tv_sec && a.changed.tv_nsec == b.changed.tv_nsec;
    }
};

struct KeyFile {
    MasterKeys keys;
    Stamp stamp;
};

class Descriptor {
public:
    explicit Descriptor(int fd) : fd_(fd) {}
    ~Descriptor() {
        if (fd_ >= 0) close(fd_);
    }
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    int get() const { return fd_; }

private:
    int fd_;
};

Stamp stamp_of(const struct stat& s) {
    return {s.st_dev, s.st_ino, s.st_size, s.st_ctim};
}

std::unexpected<Error> cannot(std::string_view what, const std::filesystem::path& file) {
    return fail(fmt::format("cannot {} the key file {}: {}", what, file.string(),
                            std::generic_category().message(errno)));
}

Result<std::optional<KeyFile>> read_stamped(const std::filesystem::path& file) {
    // O_NONBLOCK: opening a named pipe must not block the start.
    const Descriptor fd(open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (fd.get() < 0 && errno == ENOENT) return std::nullopt;
    struct stat status{};
    if (fd.get() < 0 || fstat(fd.get(), &status) != 0) return cannot("read", file);
    if (!S_ISREG(status.st_mode))
        return fail(fmt::format("the key file {} is not a regular file", file.string()));
    if ((status.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
        return fail(
            fmt::format("the key file {0} is accessible to other users (mode {1:04o}): run chmod 600 {0}",
                        file.string(), status.st_mode & 07777));
    }
    std::string text(max_file_size + 1, '\0');
    std::size_t size = 0;
    while (size < text.size()) {
        const ssize_t n = read(fd.get(), text.data() + size, text.size() - size);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return cannot("read", file);
        if (n == 0) break;
        size += static_cast<std::size_t>(n);
    }
    if (size > max_file_size) return fail(fmt::format("the key file {} is too long", file.string()));
    auto keys = parse_key_file(std::string_view(text).substr(0, size));
    if (!keys) return fail(fmt::format("the key file {}: {}", file.string(), keys.error().message));
    return KeyFile{std::move(*keys), stamp_of(status)};
}

bool write_all(int fd, std::string_view text) {
    while (!text.empty()) {
        const ssize_t n = write(fd, text.data(), text.size());
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return false;
        text.remove_prefix(static_cast<std::size_t>(n));
    }
    return true;
}

class KeyFileBox : public SecretBox {
public:
    KeyFileBox(std::filesystem::path file, std::vector<MasterKey> more, KeyFile read)
        : file_(std::move(file)),
          more_(std::move(more)),
          seen_(read.stamp),
          loaded_(load(std::move(read.keys))) {}

    std::string seal(std::string_view secret, std::string_view context) const override {
        return refreshed()->box->seal(secret, context);
    }

    Result<std::string> open(std::string_view sealed, std::string_view context) const override {
        const auto loaded = last();
        auto opened = loaded->box->open(sealed, context);
        const std::string_view id = key_id_of(sealed);
        if (opened || id.empty() || std::ranges::find(loaded->ids, id) != loaded->ids.end()) return opened;
        return refreshed()->box->open(sealed, context);
    }

    bool is_current(std::string_view sealed) const override { return refreshed()->box->is_current(sealed); }

    void check() const override {
        refreshed();
        MutexLock lock(mutex_);
        if (unreadable_.empty()) return;
        throw Unusable(unreadable_, "the key file is missing or cannot be used; the next start would fail");
    }

private:
    struct Loaded {
        std::vector<std::string> ids;
        std::unique_ptr<SecretBox> box;
    };

    std::shared_ptr<const Loaded> load(MasterKeys keys) const {
        keys = with_keys(std::move(keys), more_);
        auto out = std::make_shared<Loaded>();
        out->ids = key_ids(keys);
        out->box = create_secret_box(keys);
        return out;
    }

    std::shared_ptr<const Loaded> last() const {
        MutexLock lock(mutex_);
        return loaded_;
    }

    std::shared_ptr<const Loaded> refreshed() const {
        MutexLock lock(mutex_);
        struct stat status{};
        const bool there = stat(file_.c_str(), &status) == 0;
        const Stamp stamp = there ? stamp_of(status) : Stamp();
        if (stamp == seen_) return loaded_;
        auto read = read_stamped(file_);
        if (read && *read) {
            seen_ = (*read)->stamp;
            loaded_ = load(std::move((*read)->keys));
            unreadable_.clear();
            log::info("reloaded the key file, which had changed", {{"current", loaded_->ids.front()}});
        } else {
            seen_ = stamp;
            unreadable_ =
                read ? fmt::format("the key file {} does not exist", file_.string()) : read.error().message;
            log::error("the key file has changed but cannot be read; keeping the previously loaded keys",
                       {{"reason", unreadable_}});
        }
        return loaded_;
    }

    const std::filesystem::path file_;
    const std::vector<MasterKey> more_;
    mutable Mutex mutex_;
    mutable Stamp seen_ GUARDED_BY(mutex_);              // set even if it could not be read
    mutable std::string unreadable_ GUARDED_BY(mutex_);  // why the file cannot be read as it is now
    mutable std::shared_ptr<const Loaded> loaded_ GUARDED_BY(mutex_);
};

}  // namespace

std::filesystem::path key_file_of(const std::filesystem::path& database) {
    std::filesystem::path file = database;
    file.replace_extension(".key");
    if (file == database) file += ".key";
    return file;
}

MasterKey make_master_key() {
    MasterKey key;
    random_bytes(key);
    return key;
}

std::optional<MasterKey> parse_master_key(std::string_view base64) {
    MasterKey key;
    const auto bytes = base64_decode(base64);
    if (!bytes || bytes->size() != key.size()) return std::nullopt;
    std::ranges::copy(*bytes, key.begin());
    return key;
}

std::string format_key_file(const MasterKeys& keys) {
    std::string out(heading);
    out.append(base64_encode(keys.current)).append(1, '\n');
    for (const MasterKey& key : keys.previous) out.append(base64_encode(key)).append(1, '\n');
    return out;
}

Result<MasterKeys> parse_key_file(std::string_view text) {
    std::vector<MasterKey> keys;
    for (std::size_t number = 1; !text.empty(); ++number) {
        std::string_view line = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(line.size() + 1, text.size()));
        while (!line.empty() && (line.back() == ' ' || line.back() == '\t' || line.back() == '\r'))
            line.remove_suffix(1);
        if (line.empty() || line.front() == '#') continue;
        const auto key = parse_master_key(line);
        if (!key) return fail(fmt::format("line {} is not a valid key (32 bytes in base64)", number));
        if (keys.size() == max_master_keys) return fail(fmt::format("more than {} keys", max_master_keys));
        keys.push_back(*key);
    }
    if (keys.empty()) return fail("it contains no key");
    return MasterKeys{keys.front(), {keys.begin() + 1, keys.end()}};
}

Result<std::optional<MasterKeys>> read_key_file(const std::filesystem::path& file) {
    auto read = read_stamped(file);
    if (!read) return std::unexpected(read.error());
    if (!*read) return std::nullopt;
    return std::move((*read)->keys);
}

Result<InstanceLock> lock_key_file(const std::filesystem::path& file, Duration patience) {
    std::filesystem::path lock = file;
    lock += ".lock";
    return InstanceLock::take(lock, "another Pricewire process is changing the master key", patience);
}

Result<void> write_key_file(const std::filesystem::path& file, const MasterKeys& keys, const Step& step) {
    const auto next = [&] {
        if (step) step();
    };
    std::error_code error;
    // Replace the target of a symbolic link, not the link.
    std::filesystem::path place = std::filesystem::weakly_canonical(file, error);
    if (error) place = file;
    std::filesystem::path fresh = place;
    fresh += ".new";
    next();
    if (unlink(fresh.c_str()) != 0 && errno != ENOENT) return cannot("replace", fresh);
    {
        const Descriptor fd(open(fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
        if (fd.get() < 0) return cannot("write", fresh);
        next();
        // The service must be able to read a file that an operator replaces as another user.
        struct stat old{};
        struct stat now{};
        if (fstat(fd.get(), &now) != 0) return cannot("write", fresh);
        const bool foreign =
            stat(place.c_str(), &old) == 0 && (old.st_uid != now.st_uid || old.st_gid != now.st_gid);
        if (foreign && fchown(fd.get(), old.st_uid, old.st_gid) != 0)
            return cannot("keep the owner of", file);
        if (!write_all(fd.get(), format_key_file(keys)) || fsync(fd.get()) != 0)
            return cannot("write", fresh);
    }
    next();
    if (rename(fresh.c_str(), place.c_str()) != 0) return cannot("write", file);
    next();
    const std::filesystem::path parent = place.has_parent_path() ? place.parent_path() : ".";
    const Descriptor directory(open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (directory.get() < 0 || fsync(directory.get()) != 0) return cannot("write", file);
    next();
    return {};
}

Result<std::unique_ptr<SecretBox>> create_key_file_box(std::filesystem::path file,
                                                       std::vector<MasterKey> more) {
    auto read = read_stamped(file);
    if (!read) return std::unexpected(read.error());
    if (!*read) return fail(fmt::format("the key file {} is missing", file.string()));
    return std::make_unique<KeyFileBox>(std::move(file), std::move(more), std::move(**read));
}

}  // namespace pricewire::secrets
