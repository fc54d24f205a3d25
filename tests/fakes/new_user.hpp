#pragma once

#include <string>

#include "base/clock.hpp"
#include "base/uuid.hpp"
#include "domain/user.hpp"

namespace pricewire::fakes {

inline User new_user(const std::string& email) {
    User out;
    out.id = make_uuid(system_clock().now());
    out.email = email;
    out.created_at = system_clock().now();
    return out;
}

}  // namespace pricewire::fakes
