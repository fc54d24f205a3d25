#pragma once

#include <algorithm>
#include <array>
#include <compare>
#include <cstddef>
#include <functional>
#include <string_view>

namespace pricewire::inline base {

// A short string stored in place: trivially copyable, compared and hashed as N + 1 bytes. For names that are
// part of every tick (tickers, sources), where allocating would be the largest cost. Longer input is cut:
// check the length of names from outside first.
template <std::size_t N>
class SmallString {
public:
    static constexpr std::size_t max_size = N;

    constexpr SmallString() = default;
    constexpr SmallString(std::string_view text)
        : size_(static_cast<unsigned char>(std::min(text.size(), N))) {
        std::copy_n(text.data(), size_, bytes_.data());
    }
    constexpr SmallString(const char* text) : SmallString(std::string_view(text)) {}

    constexpr std::string_view view() const { return {bytes_.data(), size_}; }
    constexpr operator std::string_view() const { return view(); }
    constexpr bool empty() const { return size_ == 0; }
    constexpr std::size_t size() const { return size_; }

    friend constexpr bool operator==(const SmallString&, const SmallString&) = default;
    friend constexpr auto operator<=>(const SmallString& a, const SmallString& b) {
        return a.view() <=> b.view();
    }

    template <typename H>
    friend H AbslHashValue(H h, const SmallString& s) {
        return H::combine(std::move(h), s.view());
    }

private:
    std::array<char, N> bytes_{};
    unsigned char size_ = 0;
};

}  // namespace pricewire::inline base

template <std::size_t N>
struct std::hash<pricewire::SmallString<N>> {
    std::size_t operator()(const pricewire::SmallString<N>& s) const noexcept {
        return std::hash<std::string_view>{}(s.view());
    }
};
