#include "secrets/reseal.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <exception>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "base/log.hpp"
#include "base/mutex.hpp"

namespace pricewire::secrets {
namespace {

constexpr std::size_t page_size = 500;
constexpr std::size_t max_threads = 32;
constexpr int max_tries = 100;             // per user whose secrets keep changing
constexpr std::size_t max_log_lines = 20;  // about secrets that cannot be opened
constexpr std::size_t max_named_keys = 5;

template <typename Visit>
void for_each_page(storage::Storage& storage, const Visit& visit) {
    std::optional<Uuid> last;
    for (;;) {
        const auto page = storage.secrets_after(last, page_size);
        visit(page);
        if (page.size() < page_size) return;
        last = page.back().user_id;
    }
}

template <typename Visit>
void for_each_push(storage::Storage& storage, const Visit& visit) {
    std::optional<Uuid> last;
    for (;;) {
        const auto page = storage.pushes_after(last, page_size);
        for (const PushSubscription& push : page) visit(push);
        if (page.size() < page_size) return;
        last = page.back().id;
    }
}

template <typename Visit>
void for_each_server_key(storage::Storage& storage, const Visit& visit) {
    for (const std::string& name : storage.server_keys()) {
        if (const auto sealed = storage.server_key(name)) visit(name, *sealed);
    }
}

class Resealer {
public:
    Resealer(storage::Storage& storage, const SecretBox& box, const Step& step)
        : storage_(storage), box_(box), step_(step) {}

    // Uses several threads, since the storage commits concurrent calls together.
    void page(const std::vector<storage::StoredSecrets>& page) {
        std::vector<const storage::StoredSecrets*> rest;
        for (const storage::StoredSecrets& stored : page) {
            if (!current(stored.secrets.current) || !current(stored.secrets.previous))
                rest.push_back(&stored);
        }
        // Tests need the steps in a fixed order.
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
                        MutexLock lock(mutex_);
                        failure = std::current_exception();
                        next = rest.size();
                    }
                });
            }
        }
        if (failure) std::rethrow_exception(failure);
    }

    // One that changes meanwhile was sealed by a process that runs, and counts when it is looked at next.
    void push(const PushSubscription& push) {
        other(push.keys, push.user_id.to_string(), [&](const std::string& fresh) {
            return storage_.replace_push_keys(push.id, push.keys, fresh);
        });
    }
    void server_key(const std::string& name, const std::string& sealed) {
        other(sealed, server_key_context(name),
              [&](const std::string& fresh) { return storage_.replace_server_key(name, sealed, fresh); });
    }

    Sealing result() {
        MutexLock lock(mutex_);
        return out_;
    }

private:
    template <typename Replace>
    void other(const std::string& stored, const std::string& context, const Replace& replace) {
        Sealing changes;
        const std::string fresh = reseal(stored, context, changes);
        if (fresh != stored) {
            if (step_) step_();
            if (!replace(fresh)) return;
            if (step_) step_();
        }
        add(changes);
    }

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
            fmt::format("the secrets of user {} change faster than they can be resealed", context));
    }

    std::string reseal(const std::string& stored, const std::string& context, Sealing& changes) {
        if (current(stored)) return stored;
        const bool clear = !is_sealed(stored);
        const Result<std::string> secret = clear ? stored : box_.open(stored, context);
        if (!secret || secret->size() > max_secret_size) {
            changes.failed += 1;
            if (logged_++ < max_log_lines) {
                log::error("a secret cannot be resealed and is left unchanged",
                           {{Uuid::parse(context) ? "user" : "secret", context},
                            {"reason", secret ? "it is too long" : secret.error().message}});
            }
            return stored;
        }
        changes.in_clear += clear ? 1 : 0;
        changes.secrets += 1;
        return box_.seal(*secret, context);
    }

    void add(const Sealing& changes) {
        MutexLock lock(mutex_);
        out_.users += changes.users;
        out_.secrets += changes.secrets;
        out_.in_clear += changes.in_clear;
        out_.failed += changes.failed;
    }

    storage::Storage& storage_;
    const SecretBox& box_;
    const Step& step_;
    std::atomic<std::size_t> logged_ = 0;
    Mutex mutex_;
    Sealing out_ GUARDED_BY(mutex_);
};

}  // namespace

std::string server_key_context(std::string_view name) {
    return fmt::format("server key {}", name);
}

std::size_t SecretsSurvey::not_under(const std::string& id) const {
    std::size_t count = in_clear;
    for (const auto& [key, secrets] : sealed) count += key == id ? 0 : secrets;
    return count;
}

std::map<std::string, std::size_t> SecretsSurvey::missing(const MasterKeys& keys) const {
    std::map<std::string, std::size_t> out = sealed;
    // A text that names no valid key is damaged: no key can open it.
    out.erase(std::string());
    for (const std::string& id : key_ids(keys)) out.erase(id);
    return out;
}

SecretsSurvey survey_secrets(storage::Storage& storage) {
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
    for_each_push(storage, [&](const PushSubscription& push) { count(push.keys); });
    for_each_server_key(storage, [&](const std::string&, const std::string& sealed) { count(sealed); });
    return out;
}

Sealing seal_secrets(storage::Storage& storage, const SecretBox& box, const Step& step) {
    Resealer resealer(storage, box, step);
    for_each_page(storage, [&](const std::vector<storage::StoredSecrets>& page) { resealer.page(page); });
    for_each_push(storage, [&](const PushSubscription& push) { resealer.push(push); });
    for_each_server_key(storage, [&](const std::string& name, const std::string& sealed) {
        resealer.server_key(name, sealed);
    });
    return resealer.result();
}

std::string describe_missing(const std::map<std::string, std::size_t>& missing) {
    std::string out;
    std::size_t named = 0;
    for (const auto& [id, secrets] : missing) {
        if (++named > max_named_keys) return out + ", and more";
        out += fmt::format("{}{} secret{} under key {}", out.empty() ? "" : ", ", secrets,
                           secrets == 1 ? "" : "s", id);
    }
    return out;
}

}  // namespace pricewire::secrets
