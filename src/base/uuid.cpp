#include "base/uuid.hpp"

#include <algorithm>

#include "base/crypto.hpp"
#include "base/text.hpp"

namespace pricewire::inline base {
namespace {

bool dash_before(std::size_t byte) {
    return byte == 4 || byte == 6 || byte == 8 || byte == 10;
}

// Random bytes come from the kernel 512 at a time: a system call for each id would cost more than the id.
std::uint64_t pooled_random() {
    thread_local std::array<std::uint64_t, 64> pool;
    thread_local std::size_t left = 0;
    if (left == 0) {
        random_bytes({reinterpret_cast<std::uint8_t*>(pool.data()), sizeof pool});
        left = pool.size();
    }
    return pool[--left];
}

}  // namespace

std::string Uuid::to_string() const {
    static constexpr char digits[] = "0123456789abcdef";
    std::string out;
    out.reserve(36);
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        if (dash_before(i)) out += '-';
        out += digits[bytes[i] >> 4];
        out += digits[bytes[i] & 15];
    }
    return out;
}

std::optional<Uuid> Uuid::parse(std::string_view text) {
    if (text.size() != 36) return std::nullopt;
    Uuid out;
    std::size_t pos = 0;
    for (std::size_t i = 0; i < out.bytes.size(); ++i) {
        if (dash_before(i) && text[pos++] != '-') return std::nullopt;
        const int high = hex_digit(text[pos]);
        const int low = hex_digit(text[pos + 1]);
        if (high < 0 || low < 0) return std::nullopt;
        out.bytes[i] = static_cast<std::uint8_t>(high * 16 + low);
        pos += 2;
    }
    return out;
}

Uuid make_uuid(Timestamp now) {
    thread_local std::uint64_t last_ms = 0;
    thread_local std::uint32_t counter = 0;
    auto ms = static_cast<std::uint64_t>(std::max<std::int64_t>(to_micros(now) / 1000, 0));
    if (ms <= last_ms && last_ms - ms < 1000) {
        // The same millisecond, or the clock stepped back a little: keep counting, and borrow from the next
        // when full.
        ms = last_ms;
        if (++counter > 0xfff) {
            counter = 0;
            ++ms;
        }
    } else {
        counter = 0;
    }
    last_ms = ms;

    Uuid out;
    for (std::size_t i = 0; i < 6; ++i) out.bytes[i] = static_cast<std::uint8_t>(ms >> (40 - 8 * i));
    out.bytes[6] = static_cast<std::uint8_t>(0x70 | (counter >> 8));
    out.bytes[7] = static_cast<std::uint8_t>(counter);
    std::uint64_t random = pooled_random();
    for (std::size_t i = 8; i < 16; ++i, random >>= 8) out.bytes[i] = static_cast<std::uint8_t>(random);
    out.bytes[8] = static_cast<std::uint8_t>((out.bytes[8] & 0x3f) | 0x80);
    return out;
}

}  // namespace pricewire::inline base
