#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <string>

#include "base/uuid.hpp"
#include "secrets/key_file.hpp"
#include "secrets/open_secrets.hpp"
#include "storage/storage.hpp"

namespace pricewire::secrets {

inline MasterKey key_of(std::uint8_t fill) {
    MasterKey key;
    key.fill(fill);
    return key;
}

inline Uuid user_of(int number) {
    Uuid id;
    id.bytes.front() = 1;
    id.bytes.back() = static_cast<std::uint8_t>(number % 256);
    id.bytes[14] = static_cast<std::uint8_t>(number / 256);
    return id;
}

// A temporary directory with paths for a database and a key file, and users with known secrets.
class SecretsFixture : public testing::Test {
protected:
    SecretsFixture() {
        std::string name = (std::filesystem::temp_directory_path() / "pricewire-secrets-XXXXXX").string();
        if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary directory");
        directory_ = name;
        database_ = directory_ / "pricewire.db";
        file_ = directory_ / "pricewire.key";
        places_.key_file = file_;
        places_.database_lock = database_.string() + ".lock";
    }
    ~SecretsFixture() override { std::filesystem::remove_all(directory_); }

    static std::string secret_of(int number) { return "whsec_secret" + std::to_string(number); }

    static void add_user(storage::Storage& storage, int number, const std::string& stored) {
        NewUser user;
        user.user = {user_of(number), "u" + std::to_string(number) + "@example.com", true, Timestamp{}};
        user.api_key_hash = sha256(std::to_string(number));
        user.webhook_secret = stored;
        ASSERT_TRUE(storage.create_user(user));
    }
    static std::string sealed(int number, const MasterKey& key) {
        return create_secret_box({key, {}})->seal(secret_of(number), user_of(number).to_string());
    }
    static std::string stored(storage::Storage& storage, int number) {
        return storage.webhook_secrets(user_of(number)).value().current;
    }
    // The stored secret, or the error.
    static std::string opened(storage::Storage& storage, int number, const SecretBox& box) {
        const auto secret = box.open(stored(storage, number), user_of(number).to_string());
        return secret ? *secret : "error: " + secret.error().message;
    }

    MasterKeys in_file() const { return read_key_file(file_).value().value(); }

    std::filesystem::path directory_;
    std::filesystem::path database_;
    std::filesystem::path file_;
    KeyPlaces places_;
};

}  // namespace pricewire::secrets
