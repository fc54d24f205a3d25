#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "base/sealed.hpp"
#include "ops/config.hpp"
#include "ops/instance_lock.hpp"

// The file that holds an embedded database's master keys: one key a line, 32 bytes in base64, the current one
// first, then earlier ones; lines that start with "#" say what it is. It is its owner's alone (0600) and
// changes only as a whole, so that whoever reads it at any moment finds every key that something may be
// sealed with.
namespace pricewire::ops {

// Called between the steps of what must survive a crash anywhere, for tests that end the process there.
using Step = std::function<void()>;

// The database's path with ".key" in the place of its extension.
std::filesystem::path key_file_of(const std::filesystem::path& database);

// 32 bytes from the kernel's generator.
MasterKey make_master_key();
// security.master_key and previous_master_keys; nullopt where there is no master_key. The configuration has
// been checked.
std::optional<MasterKeys> configured_keys(const Config& config);
std::vector<MasterKey> configured_previous_keys(const Config& config);

std::string format_key_file(const MasterKeys& keys);
// Error: a line that is no key (by its number, never its text), no key at all, or more than 1000.
Result<MasterKeys> parse_key_file(std::string_view text);
constexpr std::size_t max_master_keys = 1000;

// nullopt where there is no such file. Error: it cannot be read, others than its owner may read it, or what
// parse_key_file says; with the file's name.
Result<std::optional<MasterKeys>> read_key_file(const std::filesystem::path& file);

// Held by whoever makes, replaces or drops keys, and by a process that starts from before it reads the keys
// until what it finds is sealed with the current one. Waits up to `patience` for another to be done.
Result<InstanceLock> lock_key_file(const std::filesystem::path& file, Duration patience);

// Puts the keys into the file, which is on the disk when this returns; a crash leaves the old file or the new
// one. The file's owner stays. To be called with the lock held. Error: with the file's name and the system's
// reason.
Result<void> write_key_file(const std::filesystem::path& file, const MasterKeys& keys, const Step& step = {});

// Seals and opens with the keys in the file, and with `more` for opening. Notices when the file has changed:
// looks before every seal(), and in open() where a key is not known. A file that cannot be read any more is
// logged once, and the keys read last stay. Error: as read_key_file, or there is no file.
Result<std::unique_ptr<SecretBox>> create_key_file_box(std::filesystem::path file,
                                                       std::vector<MasterKey> more);

}  // namespace pricewire::ops
