#include "rule/machine.hpp"

namespace pricewire::rule {
namespace {

void stop_holding(Machine& machine) {
    machine.true_since.reset();
    machine.holds_from.reset();
    machine.blind_since.reset();
}

// Blind time neither counts nor breaks a hold, up to a limit.
void see_again(Machine& machine, Timestamp time) {
    if (!machine.blind_since) return;
    const Duration blind = time - *machine.blind_since;
    machine.blind_since.reset();
    if (blind > longest_blind) {
        stop_holding(machine);
    } else {
        *machine.true_since += blind;
    }
}

}  // namespace

Turn step(Machine& machine, bool& armed, const Judgement& judged, Timestamp time, Duration hold,
          std::optional<Timestamp> muted_until, std::int64_t& left_out) {
    machine.judged_at = time;
    Turn turn;
    if (!armed && judged.calm) {
        armed = turn.armed = true;
        stop_holding(machine);
    }
    if (!judged.truth) {
        if (machine.true_since && !machine.blind_since) machine.blind_since = time;
        return turn;
    }
    see_again(machine, time);
    if (!armed) return turn;
    if (!*judged.truth) {
        if (machine.waits_until) ++left_out;
        machine.waits_until.reset();
        stop_holding(machine);
        return turn;
    }
    if (!machine.true_since) machine.true_since = machine.holds_from = time;
    if (time < *machine.true_since + hold) return turn;
    machine.waits_until.reset();
    if (muted_until && time < *muted_until) machine.waits_until = muted_until;
    turn.fires = !machine.waits_until;
    return turn;
}

std::optional<Timestamp> timer(const Machine& machine, Duration hold) {
    if (!machine.true_since || machine.blind_since) return std::nullopt;
    const Timestamp end = *machine.true_since + hold;
    if (end > machine.judged_at) return end;
    if (machine.waits_until && *machine.waits_until > machine.judged_at) return machine.waits_until;
    return std::nullopt;
}

}  // namespace pricewire::rule
