#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "base/decimal.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using pricewire::Decimal;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto exact = Decimal::parse(text);
    const auto cut = Decimal::parse(text, Decimal::Excess::truncate);
    // Text that parses exactly parses the same with truncation, and a value survives to_string() and parse().
    if (exact && (!cut || *cut != *exact)) std::abort();
    if (cut && Decimal::parse(cut->to_string()) != *cut) std::abort();
    return 0;
}
