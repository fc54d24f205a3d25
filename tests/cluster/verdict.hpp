#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "cluster/load.hpp"
#include "support/deployment.hpp"

namespace pricewire::test {

// How often a webhook is sent under load before it has failed.
constexpr int load_attempts = 40;
// Deliveries that end soon, however their attempts do.
std::map<std::string, std::string> config_under_load();

struct Counts {
    std::size_t alerts = 0;
    std::size_t unanswered = 0;  // of requests without an answer
    std::size_t fired = 0;
    std::size_t delivered = 0;
    std::size_t failed = 0;
    std::size_t duplicates = 0;
    std::size_t again = 0;  // firings of standing alerts
    std::size_t edits = 0;  // of these
};

// What must be true of a load with config_under_load(), whatever happened under it: every alert has fired exactly once, at the first price that
// crossed it, those that repeat once each time that the prices demand it, however they were edited meanwhile, every edit
// that was answered is kept, and every webhook has arrived or has failed after its last attempt. What is not so fails
// the test.
class Verdict {
public:
    Verdict(Deployment& deployment, Load& load) : deployment_(deployment), load_(load) {}

    // Ends the load with a round that crosses what was created without an answer, and waits until all deliveries have ended.
    void end_load();
    Counts judge();

private:
    // Of all accounts, as by Deployment.
    std::vector<ShownAlert> alerts();
    std::vector<std::string> deliveries();
    static bool fired_where_it_must(const LoadedAlert& alert, const std::string& price, int rounds);
    void wait_until_all_is_done();
    void check_alerts(Counts& counts, std::map<std::string, LoadedAlert>& known);
    void check_deliveries(Counts& counts, const std::map<std::string, LoadedAlert>& known);
    bool stands(const std::string& id) const;
    static bool fires_at_rises(const StandingAlert& alert);
    std::vector<ShownFiring> firings_of(const StandingAlert& alert);
    std::vector<int> check_rounds(const StandingAlert& alert, const std::vector<ShownFiring>& firings);
    void check_none_missing(const StandingAlert& alert, const std::vector<ShownFiring>& firings,
                            const std::vector<int>& rounds);
    void check_webhooks(const StandingAlert& alert, const std::vector<ShownFiring>& firings);
    void check_edits(const StandingAlert& alert);
    void check_standing(Counts& counts);

    Deployment& deployment_;
    Load& load_;
};

}  // namespace pricewire::test
