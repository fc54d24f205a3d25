#pragma once

#include <expected>
#include <string>

namespace pricewire::inline base {

// The outcome of something that depends on input: a value, or one sentence that tells a person what to
// change.
struct Error {
    std::string message;
    friend bool operator==(const Error&, const Error&) = default;
};

template <typename T>
using Result = std::expected<T, Error>;

inline std::unexpected<Error> fail(std::string message) {
    return std::unexpected(Error{std::move(message)});
}

}  // namespace pricewire::inline base
