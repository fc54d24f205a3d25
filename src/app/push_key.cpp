#include "app/push_key.hpp"

#include <string>
#include <utility>

#include "push/server_key.hpp"
#include "secrets/reseal.hpp"

namespace pricewire::app {
namespace {

constexpr const char* name = "push";

}  // namespace

Result<P256KeyPair> PushKey::get() {
    MutexLock lock(mutex_);
    if (key_) return *key_;
    auto sealed = storage_.server_key(name);
    const std::string context = secrets::server_key_context(name);
    if (!sealed) sealed = storage_.keep_server_key(name, secrets_.seal(push::make_server_key(), context));
    const auto text = secrets_.open(*sealed, context);
    if (!text) return std::unexpected(text.error());
    auto key = push::parse_server_key(*text);
    if (key) key_ = *key;
    return key;
}

}  // namespace pricewire::app
