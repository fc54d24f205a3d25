#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/instance_lock.hpp"
#include "base/result.hpp"
#include "secrets/sealed.hpp"

// The file that holds the master keys: one key per line, 32 bytes in base64, the current one first, then
// previous ones; lines that start with "#" are comments. Only its owner may read it (0600). It is only ever
// replaced as a whole, so a reader always finds every key that may still be in use.
namespace pricewire::secrets {

// Called between the steps of an operation that must survive a crash; tests end the process there.
using Step = std::function<void()>;

// The database's path with its extension replaced by ".key".
std::filesystem::path key_file_of(const std::filesystem::path& database);

// 32 random bytes from the kernel.
MasterKey make_master_key();
// nullopt unless the text is 32 bytes in base64.
std::optional<MasterKey> parse_master_key(std::string_view base64);

std::string format_key_file(const MasterKeys& keys);
// Error: a line is not a valid key (named by its number, never its text), there is no key, or there are more
// than max_master_keys.
Result<MasterKeys> parse_key_file(std::string_view text);
constexpr std::size_t max_master_keys = 1000;

// nullopt if the file does not exist. Error, naming the file: it cannot be read, other users may read it, or
// parse_key_file fails.
Result<std::optional<MasterKeys>> read_key_file(const std::filesystem::path& file);

// To be held while keys are created, replaced or dropped, and by a starting process from before it reads the
// keys until every secret is sealed under the current one. Waits up to `patience` for another holder.
Result<InstanceLock> lock_key_file(const std::filesystem::path& file, Duration patience);

// Replaces the file, which is on disk when this returns; a crash leaves either the old file or the new one.
// The file keeps its owner. Requires lock_key_file(). Error: the file's name and the system's reason.
Result<void> write_key_file(const std::filesystem::path& file, const MasterKeys& keys, const Step& step = {});

// Seals and opens with the keys in the file, and opens with `more` as well. Reloads a file that has changed:
// checks before every seal(), and in open() if a key is unknown. If the file can no longer be read, logs it
// once and keeps the keys read last. Error: as read_key_file, or the file does not exist.
Result<std::unique_ptr<SecretBox>> create_key_file_box(std::filesystem::path file,
                                                       std::vector<MasterKey> more);

}  // namespace pricewire::secrets
