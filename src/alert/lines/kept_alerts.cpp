#include "alert/lines/kept_alerts.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "rule/canonical.hpp"
#include "rule/detail/rule_levels.hpp"

namespace pricewire::alert {
namespace {

// `AnyTerms`: Terms, const or not.
template <typename AnyTerms, typename F>
void each_number(AnyTerms& terms, F&& f) {
    const auto of_level = [&](auto& level) {
        if (level.from == Anchor::number) f(level.number);
        if (level.by) f(level.by->amount);
    };
    for (auto& rule : terms.rules) {
        of_level(rule.level);
        if (rule.upper) of_level(*rule.upper);
    }
}

bool has_extreme_level(const Rule& rule) {
    return rule::detail::any_level(rule, rule::detail::is_extreme);
}

// Times are kept by their distance from a time of the alert's.
class TimePacker {
public:
    TimePacker(Packer& out, Timestamp base) : out_(out), base_(base) {}
    void operator()(Timestamp time) { out_.signed_number((time - base_).count()); }
    void operator()(Decimal value) { out_.decimal(value); }

private:
    Packer& out_;
    Timestamp base_;
};

class TimeUnpacker {
public:
    TimeUnpacker(Unpacker& in, Timestamp base) : in_(in), base_(base) {}
    Timestamp operator()() { return base_ + Duration{in_.signed_number()}; }

private:
    Unpacker& in_;
    Timestamp base_;
};

// Which members of a rule follow.
enum RuleBits : std::uint16_t {
    armed = 1,
    fired = 2,
    has_side = 4,
    side_above = 8,
    has_start_price = 16,
    has_extreme = 32,
    has_upper_extreme = 64,
    has_outside = 128,
    outside_above = 256,
    as_of_is_start = 512,
    extreme_is_known = 1024,
    is_holding = 2048,
    is_waiting = 4096,
    has_note = 8192,
};

// What was due by then is not due again: the end of a hold, or an age that was reached before a restart.
bool keeps_judged_at(const Rule& rule, const rule::Machine& machine) {
    return machine.true_since || rule.watched == Watched::age;
}

constexpr unsigned bit(bool set, RuleBits which) {
    return set ? which : 0U;
}

// Which members of an alert follow.
enum AlertBits : std::uint16_t {
    has_muted_until = 1,
    has_snoozed_until = 2,
    has_starts_at = 4,
    has_expires_at = 8,
    notifies = 16,
    has_since = 32,
    has_hold_from = 64,
    has_begun = 128,
};

}  // namespace

// --- Shapes

std::uint32_t TermShapes::take(const Terms& terms) {
    auto shape = std::make_shared<Terms>(terms);
    bool has_numbers = false;
    each_number(*shape, [&](Decimal& number) {
        number = Decimal::from_int(1);
        has_numbers = true;
    });
    std::string text = rule::canonical(*shape);
    if (const auto known = by_text_.find(text); known != by_text_.end()) {
        ++shapes_[known->second].users;
        return known->second;
    }
    std::uint32_t index = 0;
    if (free_.empty()) {
        index = static_cast<std::uint32_t>(shapes_.size());
        shapes_.emplace_back();
    } else {
        index = free_.back();
        free_.pop_back();
    }
    by_text_.emplace(text, index);
    shapes_[index] = {std::move(shape), std::move(text), 1, has_numbers};
    return index;
}

void TermShapes::release(std::uint32_t shape) {
    if (--shapes_[shape].users > 0) return;
    by_text_.erase(shapes_[shape].text);
    shapes_[shape] = {};
    free_.push_back(shape);
}

void TermShapes::pack(std::uint32_t shape, const Terms& terms, Packer& out) const {
    if (!shapes_[shape].has_numbers) return;
    each_number(terms, [&](Decimal number) { out.decimal(number); });
}

std::shared_ptr<const Terms> TermShapes::unpack(std::uint32_t shape, Unpacker& in) const {
    if (!shapes_[shape].has_numbers) return shapes_[shape].terms;
    auto terms = std::make_shared<Terms>(*shapes_[shape].terms);
    each_number(*terms, [&](Decimal& number) { number = in.decimal(); });
    return terms;
}

// --- Alerts

const std::string& KeptAlerts::pack(const KeptAlert& kept) {
    Packer& out = packer_;
    out.clear();
    const RuledAlert& alert = kept.aside.alert;
    const AlertState& state = alert.state;
    out.number(kept.shape);
    out.signed_number(to_micros(alert.created_at));
    TimePacker time(out, alert.created_at);
    out.number((state.muted_until ? has_muted_until : 0U) | (state.snoozed_until ? has_snoozed_until : 0U) |
               (state.starts_at ? has_starts_at : 0U) | (state.expires_at ? has_expires_at : 0U) |
               (alert.notify_on_expiry ? notifies : 0U) |
               (kept.aside.since != Timestamp::min() ? has_since : 0U) |
               (kept.aside.hold_from ? has_hold_from : 0U) | (state.rules.empty() ? 0U : has_begun));
    shapes_.pack(kept.shape, *alert.terms, out);
    time(alert.begun_at);
    out.number(static_cast<std::uint64_t>(state.firings));
    out.number(static_cast<std::uint64_t>(state.revision));
    out.number(static_cast<std::uint64_t>(kept.aside.memory.left_out));
    for (const auto* optional :
         {&state.muted_until, &state.snoozed_until, &state.starts_at, &state.expires_at}) {
        if (*optional) time(**optional);
    }
    if (kept.aside.since != Timestamp::min()) time(kept.aside.since);
    if (kept.aside.hold_from) time(*kept.aside.hold_from);
    for (std::size_t i = 0; i < state.rules.size(); ++i) {
        const RuleState& rule = state.rules[i];
        const auto& memory = kept.aside.memory.rules[i];
        const bool is_known = rule.extreme_until != Timestamp{};
        out.number(
            bit(rule.armed, armed) | bit(rule.fired, fired) | bit(rule.side.has_value(), has_side) |
            bit(rule.side == Side::above, side_above) | bit(rule.start_price.has_value(), has_start_price) |
            bit(rule.extreme.has_value(), has_extreme) |
            bit(rule.upper_extreme.has_value(), has_upper_extreme) |
            bit(memory.outside.has_value(), has_outside) | bit(memory.outside == Side::above, outside_above) |
            bit(rule.as_of == rule.start, as_of_is_start) | bit(is_known, extreme_is_known) |
            bit(memory.machine.true_since.has_value(), is_holding) |
            bit(memory.machine.waits_until.has_value(), is_waiting) |
            bit(memory.note_at.has_value(), has_note));
        out.number(to_bits(kept.quiet[i]));
        time(rule.start);
        if (rule.as_of != rule.start) time(rule.as_of);
        if (rule.start_price) time(*rule.start_price);
        if (rule.extreme) time(*rule.extreme);
        if (rule.upper_extreme) time(*rule.upper_extreme);
        if (is_known) time(rule.extreme_until);
        if (memory.machine.true_since) {
            time(*memory.machine.true_since);
            time(*memory.machine.holds_from);
        }
        if (keeps_judged_at(alert.terms->rules[i], memory.machine))
            time(std::max(memory.machine.judged_at, alert.created_at));
        if (memory.machine.waits_until) time(*memory.machine.waits_until);
        if (memory.note_at) time(*memory.note_at);
        if (!has_extreme_level(alert.terms->rules[i])) continue;
        for (const auto& point : memory.at_start) {
            out.maybe(point, [&](const rule::Point& at) {
                time(at.value);
                time(at.time);
            });
        }
    }
    return out.bytes();
}

KeptAlert KeptAlerts::unpack(const char* bytes, const Uuid& id) const {
    Unpacker in(bytes);
    KeptAlert kept{.id = id};
    RuledAlert& alert = kept.aside.alert;
    AlertState& state = alert.state;
    kept.shape = static_cast<std::uint32_t>(in.number());
    alert.created_at = from_micros(in.signed_number());
    TimeUnpacker time(in, alert.created_at);
    const std::uint64_t flags = in.number();
    alert.notify_on_expiry = (flags & notifies) != 0;
    alert.terms = shapes_.unpack(kept.shape, in);
    alert.begun_at = time();
    state.firings = static_cast<std::int64_t>(in.number());
    state.revision = static_cast<std::int64_t>(in.number());
    kept.aside.memory.left_out = static_cast<std::int64_t>(in.number());
    if ((flags & has_muted_until) != 0) state.muted_until = time();
    if ((flags & has_snoozed_until) != 0) state.snoozed_until = time();
    if ((flags & has_starts_at) != 0) state.starts_at = time();
    if ((flags & has_expires_at) != 0) state.expires_at = time();
    if ((flags & has_since) != 0) kept.aside.since = time();
    if ((flags & has_hold_from) != 0) kept.aside.hold_from = time();
    if ((flags & has_begun) != 0) state.rules.resize(alert.terms->rules.size());
    for (std::size_t i = 0; i < state.rules.size(); ++i) {
        auto& memory = kept.aside.memory.rules[i];
        RuleState& rule = state.rules[i];
        const auto bits = static_cast<unsigned>(in.number());
        const auto has = [bits](RuleBits which) { return (bits & which) != 0; };
        kept.quiet[i] = quiet_of_bits(static_cast<std::uint16_t>(in.number()));
        if (has(has_outside)) memory.outside = has(outside_above) ? Side::above : Side::below;
        rule.armed = has(armed);
        rule.fired = has(fired);
        if (has(has_side)) rule.side = has(side_above) ? Side::above : Side::below;
        rule.start = time();
        rule.as_of = has(as_of_is_start) ? rule.start : time();
        if (has(has_start_price)) rule.start_price = in.decimal();
        if (has(has_extreme)) rule.extreme = in.decimal();
        if (has(has_upper_extreme)) rule.upper_extreme = in.decimal();
        if (has(extreme_is_known)) rule.extreme_until = time();
        if (has(is_holding)) {
            memory.machine.true_since = time();
            memory.machine.holds_from = time();
        }
        if (keeps_judged_at(alert.terms->rules[i], memory.machine)) memory.machine.judged_at = time();
        if (has(is_waiting)) memory.machine.waits_until = time();
        if (has(has_note)) memory.note_at = time();
        if (!has_extreme_level(alert.terms->rules[i])) continue;
        for (auto& point : memory.at_start) {
            point = in.maybe([&] {
                const Decimal value = in.decimal();
                return rule::Point{value, time()};
            });
        }
    }
    return kept;
}

Slot KeptAlerts::add(KeptAlert& alert) {
    alert.shape = shapes_.take(*alert.aside.alert.terms);
    Slot slot = used_;
    if (free_.empty()) {
        if (used_ % page_size == 0) pages_.push_back(std::make_unique<Entry[]>(page_size));
        ++used_;
    } else {
        slot = free_.back();
        free_.pop_back();
    }
    const std::string& bytes = pack(alert);
    entry(slot) = {alert.id, std::make_unique_for_overwrite<char[]>(bytes.size())};
    std::memcpy(entry(slot).bytes.get(), bytes.data(), bytes.size());
    by_id_.insert(slot);
    return slot;
}

void KeptAlerts::remove(Slot slot) {
    Unpacker in(entry(slot).bytes.get());
    shapes_.release(static_cast<std::uint32_t>(in.number()));
    by_id_.erase(by_id_.find(slot));
    entry(slot).bytes.reset();
    free_.push_back(slot);
}

std::optional<Slot> KeptAlerts::find(const Uuid& id) const {
    const auto found = by_id_.find(id);
    if (found == by_id_.end()) return std::nullopt;
    return *found;
}

std::vector<Uuid> KeptAlerts::ids() const {
    std::vector<Uuid> out;
    out.reserve(by_id_.size());
    for (const Slot slot : by_id_) out.push_back(entry(slot).id);
    return out;
}

}  // namespace pricewire::alert
