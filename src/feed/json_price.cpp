#include "feed/json_price.hpp"

#include <fmt/format.h>

namespace pricewire {

Result<Decimal> parse_price(std::string_view digits) {
    const auto price = Decimal::parse(digits, Decimal::Excess::truncate);
    if (!price) return fail(fmt::format("its price is {}", price.error().message));
    static const Decimal highest = Decimal::from_int(100'000'000'000'000'000);
    if (!price->is_positive() || *price > highest) return fail("its price is not positive, or absurdly high");
    return *price;
}

std::string describe_non_json(std::string_view body, std::string_view parser_error) {
    const std::size_t begin = body.find_first_not_of(" \t\r\n");
    if (begin == std::string_view::npos) return "the body is empty";
    if (body[begin] == '<') return "it answers with an HTML page instead of JSON";
    if (body.substr(begin).starts_with("error code:"))
        return fmt::format("its firewall answers \"{}\"", body.substr(begin, 40));
    return fmt::format("it is not the JSON that is documented: {}", parser_error);
}

}  // namespace pricewire
