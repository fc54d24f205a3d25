#include "secrets/rotate_master_key.hpp"

#include <fmt/format.h>

#include <utility>

#include "base/instance_lock.hpp"
#include "secrets/reseal.hpp"

namespace pricewire::secrets {
namespace {

using Lines = std::vector<std::string>;

std::string counted(std::size_t n, std::string_view what) {
    return fmt::format("{} {}{}", n, what, n == 1 ? "" : "s");
}

std::string sealed_line(const Sealing& sealing, const MasterKey& key) {
    return fmt::format("resealed {} of {} under master key {}", counted(sealing.secrets, "secret"),
                       counted(sealing.users, "user"), key_id(key));
}

std::unexpected<Error> unreadable(std::size_t secrets, std::string_view rest) {
    return fail(fmt::format("{} cannot be opened and {} left unchanged (the log above names the users); {}",
                            counted(secrets, "secret"), secrets == 1 ? "was" : "were", rest));
}

Result<InstanceLock> lock_database(const KeyPlaces& places) {
    if (!places.database_lock) return fail("other processes may have the database open");
    return InstanceLock::take(*places.database_lock);
}

Result<Lines> rotate_configured(const KeyPlaces& places, storage::Storage& storage, const Step& step) {
    const MasterKeys keys{*places.configured, places.previous};
    const auto alone = lock_database(places);
    const SecretsSurvey survey = survey_secrets(storage);
    const std::string done =
        "no secret is sealed under a previous key: security.previous_master_keys can be emptied";
    if (survey.not_under(key_id(keys.current)) == 0) {
        return Lines{fmt::format("every secret is already under master key {}", key_id(keys.current)), done};
    }
    // A process that was started with another configuration could not open what is sealed here. With a shared
    // database this cannot be detected: the operator changes the configuration everywhere first.
    if (!alone && places.database_lock) {
        return fail(alone.error().message +
                    ": restart it with this configuration; it then reseals every secret under "
                    "security.master_key");
    }
    if (const auto missing = survey.missing(keys); !missing.empty()) {
        return fail(
            fmt::format("the configuration lacks master keys that the database needs ({}): add them to "
                        "security.previous_master_keys",
                        describe_missing(missing)));
    }
    const Sealing sealing = seal_secrets(storage, *create_secret_box(keys), step);
    if (sealing.failed > 0) return unreadable(sealing.failed, "keep security.previous_master_keys");
    return Lines{sealed_line(sealing, keys.current), done};
}

Result<Lines> rotate_file(const KeyPlaces& places, storage::Storage& storage, const Step& step) {
    const std::filesystem::path& file = places.key_file;
    const auto lock = lock_key_file(file, key_lock_patience);
    if (!lock) return std::unexpected(lock.error());
    const auto read = read_key_file(file);
    if (!read) return std::unexpected(read.error());
    if (!*read) {
        return fail(fmt::format("the key file {} does not exist; the first 'pricewire serve' creates it",
                                file.string()));
    }
    const MasterKeys keys = with_keys({make_master_key(), {(*read)->current}}, (*read)->previous);
    if (keys.previous.size() >= max_master_keys) {
        return fail(
            fmt::format("the key file {} holds too many previous keys: start 'pricewire serve' once to drop "
                        "them, then rotate again",
                        file.string()));
    }
    const MasterKeys all = with_keys(keys, places.previous);
    if (const auto missing = survey_secrets(storage).missing(all); !missing.empty()) {
        return fail(fmt::format("the key file {} lacks master keys that the database needs ({})",
                                file.string(), describe_missing(missing)));
    }
    if (const auto written = write_key_file(file, keys, step); !written)
        return std::unexpected(written.error());

    const auto box = create_secret_box(all);
    Sealing sealing = seal_secrets(storage, *box, step);
    Lines lines{fmt::format("created master key {} in {}: update your copy of the file", key_id(keys.current),
                            file.string()),
                sealed_line(sealing, keys.current)};
    if (sealing.failed > 0) {
        return unreadable(sealing.failed,
                          fmt::format("the others are under the new key, and the previous keys stay "
                                      "in {}",
                                      file.string()));
    }
    // A process that starts from here on waits for the key file's lock before it reads the keys. So if no
    // process runs now, none seals under a previous key later.
    if (!lock_database(places)) {
        lines.push_back(
            fmt::format("the running Pricewire picks up the new key; the previous key{} in {} until its next "
                        "start",
                        keys.previous.size() == 1 ? " stays" : "s stay", file.string()));
        return lines;
    }
    // Secrets that a process sealed under a previous key before it ended.
    sealing = seal_secrets(storage, *box, step);
    if (sealing.failed > 0 || survey_secrets(storage).not_under(key_id(keys.current)) > 0)
        return fail("secrets changed during the rotation; run the command again");
    if (const auto written = write_key_file(file, {keys.current, {}}, step); !written)
        return std::unexpected(written.error());
    lines.push_back(
        fmt::format("dropped {} from {}; earlier copies of the database need {}, so keep the old copy of the "
                    "file as long as those",
                    counted(keys.previous.size(), "previous key"), file.string(),
                    keys.previous.size() == 1 ? "it" : "them"));
    return lines;
}

}  // namespace

Result<std::vector<std::string>> rotate_master_key(const KeyPlaces& places, storage::Storage& storage,
                                                   const Step& step) {
    try {
        if (places.configured) return rotate_configured(places, storage, step);
        return rotate_file(places, storage, step);
    } catch (const storage::StorageError& e) {
        return fail(
            fmt::format("{}; every secret can still be read; run the command again to complete the "
                        "rotation",
                        e.what()));
    }
}

}  // namespace pricewire::secrets
