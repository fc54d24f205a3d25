#include "app/rotate_master_key.hpp"

#include <fmt/format.h>

#include <utility>

#include "app/secrets.hpp"
#include "ops/instance_lock.hpp"

namespace pricewire::app {
namespace {

using Lines = std::vector<std::string>;

std::string counted(std::size_t n, std::string_view what) {
    return fmt::format("{} {}{}", n, what, n == 1 ? "" : "s");
}

std::string sealed_line(const Sealing& sealing, const MasterKey& key) {
    return fmt::format("{} of {} sealed anew under the master key {}", counted(sealing.secrets, "secret"),
                       counted(sealing.users, "user"), key_id(key));
}

std::unexpected<Error> unreadable(std::size_t secrets, std::string_view rest) {
    return fail(fmt::format("{} cannot be opened and stay{} as before (the log above says whose); {}",
                            counted(secrets, "secret"), secrets == 1 ? "s" : "", rest));
}

Result<ops::InstanceLock> lock_database(const KeyPlaces& places) {
    if (!places.database_lock) return fail("other processes may have the database open");
    return ops::InstanceLock::take(*places.database_lock);
}

Result<Lines> rotate_configured(const MasterKeys& keys, const KeyPlaces& places, storage::Users& storage,
                                const ops::Step& step) {
    const auto alone = lock_database(places);
    const SecretsSurvey survey = survey_secrets(storage);
    const std::string done =
        "nothing is sealed with an earlier key any more: security.previous_master_keys may be emptied";
    if (survey.not_under(key_id(keys.current)) == 0) {
        return Lines{fmt::format("every secret is under the master key {} already", key_id(keys.current)),
                     done};
    }
    // A process that was started with another configuration could not open what is sealed here. Of a shared
    // database nobody can tell: the operator changes the configuration everywhere first.
    if (!alone && places.database_lock) {
        return fail(alone.error().message +
                    ": restart it with this configuration, and it seals every secret under "
                    "security.master_key by itself");
    }
    if (const auto missing = survey.missing(keys); !missing.empty()) {
        return fail(fmt::format(
            "the configuration has not every master key that the database needs ({}): add them to "
            "security.previous_master_keys",
            describe_missing(missing)));
    }
    const Sealing sealing = seal_secrets(storage, *create_secret_box(keys), step);
    if (sealing.failed > 0) return unreadable(sealing.failed, "keep security.previous_master_keys");
    return Lines{sealed_line(sealing, keys.current), done};
}

Result<Lines> rotate_file(const std::filesystem::path& file, const std::vector<MasterKey>& configured,
                          const KeyPlaces& places, storage::Users& storage, const ops::Step& step) {
    const auto lock = ops::lock_key_file(file, key_work_patience);
    if (!lock) return std::unexpected(lock.error());
    const auto read = ops::read_key_file(file);
    if (!read) return std::unexpected(read.error());
    if (!*read) {
        return fail(fmt::format("the key file {} is missing; where it never was, 'pricewire serve' makes it",
                                file.string()));
    }
    MasterKeys keys{ops::make_master_key(), {(*read)->current}};
    keys.previous.insert(keys.previous.end(), (*read)->previous.begin(), (*read)->previous.end());
    if (keys.previous.size() >= ops::max_master_keys) {
        return fail(
            fmt::format("the key file {} is full of earlier keys: start 'pricewire serve' once, which "
                        "drops them, then rotate again",
                        file.string()));
    }
    MasterKeys all = keys;
    all.previous.insert(all.previous.end(), configured.begin(), configured.end());
    if (const auto missing = survey_secrets(storage).missing(all); !missing.empty()) {
        return fail(fmt::format("the key file {} has not every master key that the database needs ({})",
                                file.string(), describe_missing(missing)));
    }
    if (const auto written = ops::write_key_file(file, keys, step); !written)
        return std::unexpected(written.error());

    const auto box = create_secret_box(all);
    Sealing sealing = seal_secrets(storage, *box, step);
    Lines lines{fmt::format("made the master key {} in {}: renew your copy of the file", key_id(keys.current),
                            file.string()),
                sealed_line(sealing, keys.current)};
    if (sealing.failed > 0) {
        return unreadable(sealing.failed,
                          fmt::format("the others are under the new key, and the earlier keys stay "
                                      "in {}",
                                      file.string()));
    }
    // Whoever starts from here on waits for the key file's lock before it reads the keys; so once nobody
    // runs, nobody seals with an earlier one.
    if (!lock_database(places)) {
        lines.push_back(
            fmt::format("the running Pricewire takes the new key by itself; the earlier key{} in {} until "
                        "its next start",
                        keys.previous.size() == 1 ? " stays" : "s stay", file.string()));
        return lines;
    }
    // What a process that ended meanwhile sealed with the earlier key.
    sealing = seal_secrets(storage, *box, step);
    if (sealing.failed > 0 || survey_secrets(storage).not_under(key_id(keys.current)) > 0)
        return fail("secrets were changed meanwhile; run the command again");
    if (const auto written = ops::write_key_file(file, {keys.current, {}}, step); !written)
        return std::unexpected(written.error());
    lines.push_back(
        fmt::format("dropped {} from {}; copies of the database made before need {}, so keep the old copy of "
                    "the file as long as them",
                    counted(keys.previous.size(), "earlier key"), file.string(),
                    keys.previous.size() == 1 ? "it" : "them"));
    return lines;
}

}  // namespace

Result<std::vector<std::string>> rotate_master_key(const ops::Config& config, const KeyPlaces& places,
                                                   storage::Users& storage, const ops::Step& step) {
    try {
        if (const auto keys = ops::configured_keys(config))
            return rotate_configured(*keys, places, storage, step);
        return rotate_file(places.key_file, ops::configured_previous_keys(config), places, storage, step);
    } catch (const storage::StorageError& e) {
        return fail(
            fmt::format("{}; every secret can still be read, and another run finishes the work", e.what()));
    }
}

}  // namespace pricewire::app
