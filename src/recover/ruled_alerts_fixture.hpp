#pragma once

#include <memory>
#include <string_view>
#include <utility>

#include "domain/alert.hpp"
#include "recover/bars_fixture.hpp"
#include "rule/terms_fixture.hpp"

// For tests of this room: alerts with terms.
namespace pricewire::recover {

inline ActiveAlert alert(std::string_view when, std::string_view repeat = "null",
                         std::string_view hold = "null", Duration begun = std::chrono::hours{-1}) {
    auto ruled = std::make_shared<RuledAlert>();
    ruled->terms = std::make_shared<const Terms>(rule::terms_of(when, hold, repeat));
    ruled->created_at = ruled->begun_at = gap_begin + begun;
    return {make_uuid(gap_begin), "BTC", Condition::lt, {}, ruled};
}
inline ActiveAlert with(const ActiveAlert& like, AlertState state) {
    auto ruled = std::make_shared<RuledAlert>(*like.ruled);
    ruled->state = std::move(state);
    ActiveAlert out = like;
    out.ruled = ruled;
    return out;
}

}  // namespace pricewire::recover
