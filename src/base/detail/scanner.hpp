#pragma once

#include <array>
#include <cstddef>
#include <string_view>

#include "base/text.hpp"

namespace pricewire::inline base::detail {

// Reads a text of fixed form from its beginning. After the first thing that does not fit every reader returns 0
// or false, so that one look at complete() at the end is enough.
class Scanner {
public:
    explicit Scanner(std::string_view text) : rest_(text) {}

    // Whether everything fitted and nothing is left.
    bool complete() const { return good_ && rest_.empty(); }
    bool next_is(char c) const { return good_ && rest_.starts_with(c); }

    bool skip(std::string_view wanted) {
        good_ = good_ && rest_.starts_with(wanted);
        if (good_) rest_.remove_prefix(wanted.size());
        return good_;
    }
    bool skip_any_of(std::string_view characters) {
        good_ = good_ && !rest_.empty() && characters.contains(rest_.front());
        if (good_) rest_.remove_prefix(1);
        return good_;
    }
    // Exactly `count` digits.
    int number(std::size_t count) {
        int n = 0;
        for (std::size_t i = 0; i < count; ++i) {
            const bool digit = good_ && !rest_.empty() && is_digit(rest_.front());
            if (!digit) {
                good_ = false;
                return 0;
            }
            n = n * 10 + (rest_.front() - '0');
            rest_.remove_prefix(1);
        }
        return n;
    }
    // All digits up to the next other character, at least one.
    std::string_view digits() {
        std::size_t n = 0;
        while (n < rest_.size() && is_digit(rest_[n])) ++n;
        const std::string_view out = rest_.substr(0, n);
        good_ = good_ && n > 0;
        rest_.remove_prefix(n);
        return good_ ? out : std::string_view();
    }
    // The index of the name that comes next, or of the first `letters` of one.
    template <std::size_t N>
    int name(const std::array<std::string_view, N>& names, std::size_t letters = std::string_view::npos) {
        for (std::size_t i = 0; i < N && good_; ++i) {
            if (!rest_.starts_with(names[i].substr(0, letters))) continue;
            skip(names[i].substr(0, letters));
            return static_cast<int>(i);
        }
        good_ = false;
        return 0;
    }

private:
    std::string_view rest_;
    bool good_ = true;
};

}  // namespace pricewire::inline base::detail
