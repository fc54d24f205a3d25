#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

namespace pricewire::inline base {

// Something outside the process does not do its work. what() is for the log and may name hosts and files;
// brief() is for anyone who asks after the process's health.
class Unusable : public std::runtime_error {
public:
    // `brief` is not copied: a literal.
    Unusable(const std::string& text, std::string_view brief) : std::runtime_error(text), brief_(brief) {}
    std::string_view brief() const { return brief_; }

private:
    std::string_view brief_;
};

}  // namespace pricewire::inline base
