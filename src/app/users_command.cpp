#include "app/users_command.hpp"

#include <fmt/format.h>

#include <cstdio>
#include <filesystem>
#include <string>

#include "api/accounts.hpp"
#include "api/email.hpp"
#include "app/check.hpp"
#include "app/options.hpp"
#include "app/parts.hpp"
#include "app/report.hpp"
#include "base/log.hpp"
#include "base/utf8.hpp"
#include "secrets/key_file.hpp"
#include "secrets/open_secrets.hpp"
#include "storage/open.hpp"
#include "webhook/signature.hpp"

namespace pricewire::app {
namespace {

int list(storage::Storage& storage) {
    for (const User& user : storage.users()) {
        fmt::print("{}  {:<8}  {}  {}\n", user.id.to_string(), user.is_active ? "active" : "disabled",
                   format_rfc3339(user.created_at), user.email);
    }
    return 0;
}

// A start would drop previous keys from the file, under which a running process may still be sealing.
Result<std::unique_ptr<secrets::SecretBox>> open_box(const secrets::KeyPlaces& places,
                                                     storage::Storage& storage) {
    if (!places.configured && std::filesystem::exists(places.key_file))
        return secrets::create_key_file_box(places.key_file, places.previous);
    return secrets::open_secrets(places, storage);
}

int create(const ops::Config& config, const std::string& email, storage::Storage& storage) {
    const auto box = open_box(key_places_of(config), storage);
    if (!box) return report(box.error().message, 1);
    const NewWebhookSecret secret = webhook::make_webhook_secret(SignatureScheme::v1);
    const api::NewAccount account = api::make_account(email, secret, **box, system_clock().now());
    if (api::find_user(storage, email) || !storage.create_user(account.stored))
        return report(fmt::format("the e-mail {} is already registered", email), 1);
    fmt::print("id              {}\nemail           {}\napi_key         {}\nwebhook_secret  {}\n",
               account.stored.user.id.to_string(), email, account.api_key, secret.shown);
    fmt::print(stderr, "The key and the secret are shown only now: hand them over, keep no copy.\n");
    return 0;
}

int reset_key(const User& user, storage::Storage& storage) {
    const std::string api_key = api::make_api_key();
    storage.replace_api_key(user.id, sha256(api_key));
    log::info("the operator has replaced the API key of a user", {{"user_id", user.id.to_string()}});
    fmt::print("email    {}\napi_key  {}\n", user.email, api_key);
    fmt::print(stderr, "The key is shown only now; the earlier one has stopped working.\n");
    return 0;
}

}  // namespace

int run_users(const ops::Config& config, const ops::CommandLine& command) {
    const bool creates = command.command == "users create";
    std::string email = command.email;
    if (creates) {
        if (!is_utf8(email)) return report("the e-mail address is not valid UTF-8", 2);
        auto parsed = api::parse_email(email);
        if (!parsed) return report("not a valid e-mail address: " + parsed.error().message, 2);
        email = std::move(*parsed);
        if (const auto wrong = wrong_for(config, *roles_of("serve")); !wrong.empty()) return report(wrong, 2);
    }
    const std::string& url = config.storage.database_url;
    const bool is_new = !storage::is_shared(url) && !std::filesystem::exists(storage::file_of(url));
    // Opening it would create it, perhaps in the wrong directory.
    if (is_new && !creates)
        return report(fmt::format("database {} does not exist", storage::file_of(url).string()), 1);
    const auto storage = open_storage(config, {});
    if (is_new) report(fmt::format("created the database {}", storage::file_of(url).string()), 0);
    if (creates) return create(config, email, *storage);
    if (command.command == "users list") return list(*storage);
    const auto user = api::find_user(*storage, email);
    if (!user) return report(fmt::format("there is no user with the e-mail {}", command.email), 1);
    if (command.command == "users reset-key") return reset_key(*user, *storage);
    const bool active = command.command == "users enable";
    storage->set_user_active(user->id, active);
    fmt::print("{} is {}\n", user->email, active ? "enabled" : "disabled");
    return 0;
}

}  // namespace pricewire::app
