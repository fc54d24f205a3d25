#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace pricewire::feed::detail {

// Reads the fields of one protobuf message in place. Of the wire format it knows what the venues send: varints,
// lengths, and the fixed sizes, so that unknown fields can be passed over; groups, which no version 3 message
// has, are an error, as is anything that is cut off. Reads every byte at most once, allocates nothing.
class ProtobufReader {
public:
    enum class Wire : std::uint8_t { varint = 0, fixed64 = 1, bytes = 2, fixed32 = 5 };

    explicit ProtobufReader(std::string_view message) : rest_(message) {}

    // Moves to the next field. False at the end of the message, or where it is not valid.
    bool next() {
        if (rest_.empty() || failed_) return false;
        const auto tag = take_varint();
        if (!tag || *tag >> 3 == 0 || *tag > 0xffff'ffff) return fail();
        field_ = static_cast<std::uint32_t>(*tag >> 3);
        wire_ = static_cast<Wire>(*tag & 7);
        number_ = 0;
        bytes_ = {};
        switch (wire_) {
            case Wire::varint: {
                const auto value = take_varint();
                number_ = value.value_or(0);
                return value ? true : fail();
            }
            case Wire::bytes: {
                const auto size = take_varint();
                return size && take(*size) ? true : fail();
            }
            case Wire::fixed64:
                return take(8) ? true : fail();
            case Wire::fixed32:
                return take(4) ? true : fail();
        }
        return fail();
    }
    bool failed() const { return failed_; }

    // Of the present field.
    std::uint32_t field() const { return field_; }
    Wire wire() const { return wire_; }
    std::uint64_t number() const { return number_; }   // of a varint
    std::string_view bytes() const { return bytes_; }  // of the others

private:
    // 10 bytes of 7 bits at most, of which the last has but one.
    std::optional<std::uint64_t> take_varint() {
        std::uint64_t value = 0;
        for (std::size_t i = 0; i < 10 && i < rest_.size(); ++i) {
            const auto byte = static_cast<unsigned char>(rest_[i]);
            if (i == 9 && byte > 1) return std::nullopt;
            value |= static_cast<std::uint64_t>(byte & 0x7f) << (7 * i);
            if (byte < 0x80) {
                rest_.remove_prefix(i + 1);
                return value;
            }
        }
        return std::nullopt;
    }
    bool take(std::uint64_t size) {
        if (size > rest_.size()) return false;
        bytes_ = rest_.substr(0, static_cast<std::size_t>(size));
        rest_.remove_prefix(static_cast<std::size_t>(size));
        return true;
    }
    bool fail() {
        failed_ = true;
        return false;
    }

    std::string_view rest_;
    std::uint32_t field_ = 0;
    Wire wire_ = Wire::varint;
    std::uint64_t number_ = 0;
    std::string_view bytes_;
    bool failed_ = false;
};

}  // namespace pricewire::feed::detail
