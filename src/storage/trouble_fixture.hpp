#pragma once

#include <functional>
#include <string>
#include <thread>

#include "storage/sql/condition.hpp"
#include "storage/storage.hpp"

namespace pricewire::storage {

// What users are told of why the call failed; "none" if it did not.
inline std::string trouble_of(const std::function<void()>& call) {
    try {
        call();
        return "none";
    } catch (const StorageError& e) {
        return std::string(e.brief());
    }
}

// A ping that is certain to write.
inline void probe(Storage& storage) {
    std::this_thread::sleep_for(sql::Condition::probe_every);
    storage.ping();
}

}  // namespace pricewire::storage
