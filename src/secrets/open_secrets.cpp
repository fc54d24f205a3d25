#include "secrets/open_secrets.hpp"

#include <fmt/format.h>

#include <utility>

#include "base/log.hpp"
#include "secrets/key_file.hpp"
#include "secrets/reseal.hpp"

namespace pricewire::secrets {
namespace {

void seal_at_start(storage::Storage& storage, const SecretBox& box, const SecretsSurvey& survey,
                   const MasterKey& current) {
    if (survey.not_under(key_id(current)) == 0) return;
    const Sealing sealing = seal_secrets(storage, box);
    log::info("secrets sealed under the current master key",
              {{"secrets", std::to_string(sealing.secrets)},
               {"in_the_clear_before", std::to_string(sealing.in_clear)},
               {"key", key_id(current)}});
    if (sealing.failed > 0) {
        log::error("some secrets cannot be opened; their users' webhooks fail until they rotate their secret",
                   {{"secrets", std::to_string(sealing.failed)}});
    }
}

Result<std::unique_ptr<SecretBox>> open_configured(const MasterKeys& keys, storage::Storage& storage) {
    const SecretsSurvey survey = survey_secrets(storage);
    if (const auto missing = survey.missing(keys); !missing.empty()) {
        return fail(
            fmt::format("the configuration lacks master keys that the database needs ({}): add them to "
                        "security.previous_master_keys",
                        describe_missing(missing)));
    }
    auto box = create_secret_box(keys);
    seal_at_start(storage, *box, survey, keys.current);
    return box;
}

Result<std::unique_ptr<SecretBox>> open_with_file(const std::filesystem::path& file,
                                                  const std::vector<MasterKey>& configured,
                                                  storage::Storage& storage) {
    const auto lock = lock_key_file(file, key_lock_patience);
    if (!lock) return std::unexpected(lock.error());
    auto read = read_key_file(file);
    if (!read) return std::unexpected(read.error());
    const SecretsSurvey survey = survey_secrets(storage);
    const bool created = !*read;
    MasterKeys in_file = created ? MasterKeys{make_master_key(), {}} : std::move(**read);
    const MasterKeys all = with_keys(in_file, configured);
    if (const auto missing = survey.missing(all); !missing.empty()) {
        return fail(
            created
                ? fmt::format("the key file {} is missing and the database needs it ({}): restore it from "
                              "a copy",
                              file.string(), describe_missing(missing))
                : fmt::format("the key file {} lacks master keys that the database needs ({}): restore the "
                              "right file from a copy, or add the missing keys below the first",
                              file.string(), describe_missing(missing)));
    }
    if (created) {
        if (const auto written = write_key_file(file, in_file); !written)
            return std::unexpected(written.error());
        log::info(
            "created the master key that seals webhook secrets; keep a copy of it apart from the database",
            {{"file", file.string()}, {"key", key_id(in_file.current)}});
    }
    auto box = create_key_file_box(file, configured);
    if (!box) return box;
    seal_at_start(storage, **box, survey, in_file.current);
    if (!in_file.previous.empty() && survey_secrets(storage).not_under(key_id(in_file.current)) == 0) {
        if (const auto written = write_key_file(file, {in_file.current, {}}); !written)
            return std::unexpected(written.error());
        log::info("dropped previous master keys; nothing is sealed under them any more",
                  {{"file", file.string()}, {"keys", std::to_string(in_file.previous.size())}});
    }
    return box;
}

}  // namespace

Result<std::unique_ptr<SecretBox>> open_secrets(const KeyPlaces& places, storage::Storage& storage) {
    if (places.configured) return open_configured({*places.configured, places.previous}, storage);
    return open_with_file(places.key_file, places.previous, storage);
}

}  // namespace pricewire::secrets
