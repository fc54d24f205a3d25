#include "app/secrets.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <exception>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "app/options.hpp"
#include "base/log.hpp"

namespace pricewire::app {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t page_size = 500;
constexpr std::size_t max_threads = 32;
constexpr int max_tries = 100;             // of a user whose secrets change under our hands
constexpr std::size_t max_log_lines = 20;  // on secrets that cannot be opened
constexpr std::size_t max_named_keys = 5;

template <typename Visit>
void for_each_page(storage::Users& storage, const Visit& visit) {
    std::optional<Uuid> last;
    for (;;) {
        const auto page = storage.secrets_after(last, page_size);
        visit(page);
        if (page.size() < page_size) return;
        last = page.back().user_id;
    }
}

class Resealer {
public:
    Resealer(storage::Users& storage, const SecretBox& box, const ops::Step& step)
        : storage_(storage), box_(box), step_(step) {}

    // By several threads, as the storage commits what they ask for at the same time together.
    void page(const std::vector<storage::StoredSecrets>& page) {
        std::vector<const storage::StoredSecrets*> rest;
        for (const storage::StoredSecrets& stored : page) {
            if (!current(stored.secrets.current) || !current(stored.secrets.previous))
                rest.push_back(&stored);
        }
        // Steps are to be the same ones each time.
        const std::size_t count = std::min(step_ ? 1 : max_threads, rest.size());
        std::atomic<std::size_t> next = 0;
        std::exception_ptr failure;
        {
            std::vector<std::jthread> threads;
            for (std::size_t i = 0; i < count; ++i) {
                threads.emplace_back([&] {
                    try {
                        for (std::size_t n = next++; n < rest.size(); n = next++) user(*rest[n]);
                    } catch (...) {
                        std::lock_guard lock(mutex_);
                        failure = std::current_exception();
                        next = rest.size();
                    }
                });
            }
        }
        if (failure) std::rethrow_exception(failure);
    }

    Sealing result() const { return out_; }

private:
    bool current(const std::string& stored) const { return stored.empty() || box_.is_current(stored); }

    void user(const storage::StoredSecrets& stored) {
        const std::string context = stored.user_id.to_string();
        WebhookSecrets old = stored.secrets;
        for (int tries = 0; tries < max_tries; ++tries) {
            Sealing changes;
            WebhookSecrets fresh = old;
            fresh.current = reseal(old.current, context, changes);
            fresh.previous = reseal(old.previous, context, changes);
            if (fresh == old) return add(changes);
            if (step_) step_();
            if (storage_.replace_secrets(stored.user_id, old, fresh)) {
                if (step_) step_();
                changes.users = 1;
                return add(changes);
            }
            auto now = storage_.webhook_secrets(stored.user_id);
            if (!now) return;  // deleted meanwhile
            old = std::move(*now);
        }
        throw storage::StorageError(
            fmt::format("the secrets of user {} change faster than they can be sealed anew", context));
    }

    std::string reseal(const std::string& stored, const std::string& context, Sealing& changes) {
        if (current(stored)) return stored;
        const bool clear = !is_sealed(stored);
        const Result<std::string> secret = clear ? stored : box_.open(stored, context);
        if (!secret || secret->size() > max_secret_size) {
            changes.failed += 1;
            if (logged_++ < max_log_lines) {
                log::error(
                    "a webhook secret cannot be sealed anew and stays as it is",
                    {{"user", context}, {"reason", secret ? "it is too long" : secret.error().message}});
            }
            return stored;
        }
        changes.in_clear += clear ? 1 : 0;
        changes.secrets += 1;
        return box_.seal(*secret, context);
    }

    void add(const Sealing& changes) {
        std::lock_guard lock(mutex_);
        out_.users += changes.users;
        out_.secrets += changes.secrets;
        out_.in_clear += changes.in_clear;
        out_.failed += changes.failed;
    }

    storage::Users& storage_;
    const SecretBox& box_;
    const ops::Step& step_;
    std::atomic<std::size_t> logged_ = 0;
    std::mutex mutex_;
    Sealing out_;
};

std::vector<std::string> ids_of(const MasterKeys& keys) {
    std::vector<std::string> ids{key_id(keys.current)};
    for (const MasterKey& key : keys.previous) ids.push_back(key_id(key));
    return ids;
}

void seal_at_start(storage::Users& storage, const SecretBox& box, const SecretsSurvey& survey,
                   const MasterKey& current) {
    if (survey.not_under(key_id(current)) == 0) return;
    const Sealing sealing = seal_secrets(storage, box);
    log::info("secrets sealed under the current master key",
              {{"secrets", std::to_string(sealing.secrets)},
               {"in_the_clear_before", std::to_string(sealing.in_clear)},
               {"key", key_id(current)}});
    if (sealing.failed > 0) {
        log::error("secrets that cannot be opened: their users' webhooks fail until they rotate their secret",
                   {{"secrets", std::to_string(sealing.failed)}});
    }
}

Result<std::unique_ptr<SecretBox>> open_configured(const MasterKeys& keys, storage::Users& storage) {
    const SecretsSurvey survey = survey_secrets(storage);
    if (const auto missing = survey.missing(keys); !missing.empty()) {
        return fail(fmt::format(
            "the configuration has not every master key that the database needs ({}): add them to "
            "security.previous_master_keys",
            describe_missing(missing)));
    }
    auto box = create_secret_box(keys);
    seal_at_start(storage, *box, survey, keys.current);
    return box;
}

Result<std::unique_ptr<SecretBox>> open_with_file(const std::filesystem::path& file,
                                                  const std::vector<MasterKey>& configured,
                                                  storage::Users& storage) {
    const auto lock = ops::lock_key_file(file, key_work_patience);
    if (!lock) return std::unexpected(lock.error());
    auto read = ops::read_key_file(file);
    if (!read) return std::unexpected(read.error());
    const SecretsSurvey survey = survey_secrets(storage);
    const bool made = !*read;
    MasterKeys in_file = made ? MasterKeys{ops::make_master_key(), {}} : std::move(**read);
    MasterKeys all = in_file;
    all.previous.insert(all.previous.end(), configured.begin(), configured.end());
    if (const auto missing = survey.missing(all); !missing.empty()) {
        return fail(
            made ? fmt::format("the key file {} is missing, and the database needs it ({}): put it back from "
                               "its copy",
                               file.string(), describe_missing(missing))
                 : fmt::format(
                       "the key file {} has not every master key that the database needs ({}): put the "
                       "right file back from its copy, or add the missing keys below its first",
                       file.string(), describe_missing(missing)));
    }
    if (made) {
        if (const auto written = ops::write_key_file(file, in_file); !written)
            return std::unexpected(written.error());
        log::info(
            "made the master key that seals webhook secrets: keep a copy of it, apart from the database's",
            {{"file", file.string()}, {"key", key_id(in_file.current)}});
    }
    auto box = ops::create_key_file_box(file, configured);
    if (!box) return box;
    seal_at_start(storage, **box, survey, in_file.current);
    if (!in_file.previous.empty() && survey_secrets(storage).not_under(key_id(in_file.current)) == 0) {
        if (const auto written = ops::write_key_file(file, {in_file.current, {}}); !written)
            return std::unexpected(written.error());
        log::info("dropped earlier master keys, as nothing is sealed with them any more",
                  {{"file", file.string()}, {"keys", std::to_string(in_file.previous.size())}});
    }
    return box;
}

}  // namespace

std::size_t SecretsSurvey::not_under(const std::string& id) const {
    std::size_t count = in_clear;
    for (const auto& [key, secrets] : sealed) count += key == id ? 0 : secrets;
    return count;
}

std::map<std::string, std::size_t> SecretsSurvey::missing(const MasterKeys& keys) const {
    std::map<std::string, std::size_t> out = sealed;
    // What names no key is damaged: no key would open it.
    out.erase(std::string());
    for (const std::string& id : ids_of(keys)) out.erase(id);
    return out;
}

SecretsSurvey survey_secrets(storage::Users& storage) {
    SecretsSurvey out;
    const auto count = [&](const std::string& secret) {
        if (is_sealed(secret)) {
            out.sealed[std::string(key_id_of(secret))] += 1;
        } else if (!secret.empty()) {
            out.in_clear += 1;
        }
    };
    for_each_page(storage, [&](const std::vector<storage::StoredSecrets>& page) {
        for (const storage::StoredSecrets& stored : page) {
            count(stored.secrets.current);
            count(stored.secrets.previous);
        }
    });
    return out;
}

Sealing seal_secrets(storage::Users& storage, const SecretBox& box, const ops::Step& step) {
    Resealer resealer(storage, box, step);
    for_each_page(storage, [&](const std::vector<storage::StoredSecrets>& page) { resealer.page(page); });
    return resealer.result();
}

std::string describe_missing(const std::map<std::string, std::size_t>& missing) {
    std::string out;
    std::size_t named = 0;
    for (const auto& [id, secrets] : missing) {
        if (++named > max_named_keys) return out + ", and more";
        out += fmt::format("{}{} secret{} under the key {}", out.empty() ? "" : ", ", secrets,
                           secrets == 1 ? "" : "s", id);
    }
    return out;
}

KeyPlaces key_places_of(const ops::Config& config) {
    if (uses_postgres(config)) return {config.security.master_key_file, std::nullopt};
    const auto database = sqlite_file_of(config);
    const bool own_file = !config.security.master_key_file.empty();
    return {own_file ? std::filesystem::path(config.security.master_key_file) : ops::key_file_of(database),
            database.string() + ".lock"};
}

Result<std::unique_ptr<SecretBox>> open_secrets(const ops::Config& config,
                                                const std::filesystem::path& key_file,
                                                storage::Users& storage) {
    if (const auto keys = configured_keys(config)) return open_configured(*keys, storage);
    return open_with_file(key_file, configured_previous_keys(config), storage);
}

}  // namespace pricewire::app
