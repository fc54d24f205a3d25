#pragma once

#include <cstdint>
#include <cstring>
#include <optional>
#include <string>

#include "base/clock.hpp"
#include "base/decimal.hpp"

namespace pricewire::alert {

// Numbers as few bytes: for what is kept a million times. Pure.
class Packer {
public:
    const std::string& bytes() const { return bytes_; }
    void clear() { bytes_.clear(); }

    void byte(std::uint8_t value) { bytes_.push_back(static_cast<char>(value)); }
    void number(std::uint64_t value) {
        for (; value >= 0x80; value >>= 7) byte(static_cast<std::uint8_t>(value | 0x80));
        byte(static_cast<std::uint8_t>(value));
    }
    void signed_number(std::int64_t value) {
        number(static_cast<std::uint64_t>(value) << 1 ^ static_cast<std::uint64_t>(value >> 63));
    }
    // Zeros at the end are counted, not kept.
    void decimal(Decimal value) {
        Decimal::Raw raw = value.raw();
        std::uint8_t zeros = 0;
        constexpr std::int64_t billion = 1'000'000'000;
        for (; zeros < 27 && raw != 0 && raw % billion == 0; zeros += 9) raw /= billion;
        if (raw == static_cast<std::int64_t>(raw)) {
            auto small = static_cast<std::int64_t>(raw);
            for (; small != 0 && small % 10 == 0; ++zeros) small /= 10;
            byte(zeros);
            signed_number(small);
        } else {
            byte(whole);
            const Decimal::Raw all = value.raw();
            bytes_.append(reinterpret_cast<const char*>(&all), sizeof all);
        }
    }
    template <typename T, typename F>
    void maybe(const std::optional<T>& value, F&& put) {
        byte(value ? 1 : 0);
        if (value) put(*value);
    }

private:
    friend class Unpacker;
    static constexpr std::uint8_t whole = 0xff;  // all bytes follow
    std::string bytes_;
};

// Reads what a Packer has made, in the same order.
class Unpacker {
public:
    explicit Unpacker(const char* bytes) : at_(bytes) {}

    std::uint8_t byte() { return static_cast<std::uint8_t>(*at_++); }
    std::uint64_t number() {
        std::uint64_t value = 0;
        for (unsigned shift = 0;; shift += 7) {
            const std::uint64_t part = byte();
            value |= (part & 0x7f) << shift;
            if (part < 0x80) return value;
        }
    }
    std::int64_t signed_number() {
        const std::uint64_t value = number();
        return static_cast<std::int64_t>(value >> 1) ^ -static_cast<std::int64_t>(value & 1);
    }
    Decimal decimal() {
        const std::uint8_t zeros = byte();
        Decimal::Raw raw = 0;
        if (zeros == Packer::whole) {
            std::memcpy(&raw, at_, sizeof raw);
            at_ += sizeof raw;
        } else {
            raw = signed_number();
            for (std::uint8_t i = 0; i < zeros; ++i) raw *= 10;
        }
        return Decimal::from_raw(raw);
    }
    template <typename F>
    auto maybe(F&& get) -> std::optional<decltype(get())> {
        if (byte() == 0) return std::nullopt;
        return get();
    }

private:
    const char* at_;
};

}  // namespace pricewire::alert
