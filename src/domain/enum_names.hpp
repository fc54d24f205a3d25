#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace pricewire::inline domain {

template <typename E>
struct EnumName {
    E value;
    std::string_view name;
};

// True if V is one of its type's enumerators: compilers print any other value as a cast, "V = (E)7".
template <auto V>
consteval bool is_enumerator() {
    return std::string_view(__PRETTY_FUNCTION__).find("V = (") == std::string_view::npos;
}

// How the values of an enum are spelled. Writing, reading and listing use the same table, so they cannot
// disagree; a table that lacks a value or is out of order does not compile.
template <typename E, std::size_t N>
class EnumNames {
public:
    // Rows have a `value` and a `name`, and are in the order of the enum, which counts from 0.
    template <typename Row>
    consteval explicit EnumNames(const Row (&rows)[N]) {
        static_assert(!is_enumerator<static_cast<E>(N)>(), "the table lacks a value of its enum");
        for (std::size_t i = 0; i < N; ++i) {
            if (rows[i].value != static_cast<E>(i)) throw "the table is not in the order of its enum";
            names_[i] = rows[i].name;
        }
    }

    static constexpr std::size_t size() { return N; }
    // "unknown" for a value that is not an enumerator.
    constexpr std::string_view name(E value) const {
        const auto i = static_cast<std::size_t>(value);
        return i < N ? names_[i] : "unknown";
    }
    constexpr std::optional<E> parse(std::string_view text) const {
        for (std::size_t i = 0; i < N; ++i) {
            if (names_[i] == text) return static_cast<E>(i);
        }
        return std::nullopt;
    }
    constexpr const std::array<std::string_view, N>& all() const { return names_; }
    // Of the longest name, in bytes.
    constexpr std::size_t longest() const {
        std::size_t out = 0;
        for (const std::string_view name : names_) out = name.size() > out ? name.size() : out;
        return out;
    }
    // For error texts: "'a', 'b' or 'c'".
    std::string choices() const {
        std::string out;
        for (std::size_t i = 0; i < N; ++i) {
            if (i > 0) out += i + 1 < N ? ", " : " or ";
            out.append("'").append(names_[i]).append("'");
        }
        return out;
    }

private:
    std::array<std::string_view, N> names_;
};

template <typename E, std::size_t N>
consteval EnumNames<E, N> enum_names(const EnumName<E> (&rows)[N]) {
    return EnumNames<E, N>(rows);
}

}  // namespace pricewire::inline domain
