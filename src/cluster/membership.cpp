#include "cluster/membership.hpp"

#include <algorithm>
#include <exception>
#include <thread>
#include <utility>

#include "base/log.hpp"
#include "base/mutex.hpp"

// When a member lives
//
// The lease in the database ends at (the moment at which the statement ran) + lease. The member counts from the moment at
// which it sent the statement, which was before, on a clock that nobody sets: so it takes itself for dead no later than
// the others do. A renewal whose answer is lost is one that was not made, to the member; to the others it was.
//
//   renewal returned in time          it lives; groups() is what it returned
//   it failed, or takes long          what was known still counts; when the lease has ended the member is fenced
//   it returned after the lease       it lives again, in another epoch, as all see by the view; who else lives is taken
//                                     over only when one more lease has passed, since if the database was away for all,
//                                     the first to come back would find itself alone, and take everything
//   the process was stopped           the same: is_fenced() compares times whenever it is asked
//   a role's thread hangs, or is far  its lease is left to end, those of the process's other roles are renewed; when the
//   behind the others (Lag)           thread goes on, so does the lease, in another epoch if it has ended

namespace pricewire::cluster {
namespace {

std::vector<Member> alone(const MembershipOptions& options) {
    std::vector<Member> out;
    out.reserve(options.members.size());
    for (const MemberReport& report : options.members) out.push_back({report, {}, options.lease});
    return out;
}

std::vector<MemberRole> roles_of(const MembershipOptions& options) {
    std::vector<MemberRole> out;
    for (const MemberReport& report : options.members) out.push_back(report.role);
    return out;
}

class MembershipThread final : public Membership {
public:
    MembershipThread(MembershipOptions options, storage::Members& members, const Clock& clock)
        : options_(std::move(options)),
          members_(members),
          clock_(clock),
          roles_(roles_of(options_)),
          groups_(std::make_shared<const Groups>(alone(options_), options_.redundancy)),
          alive_until_(options_.members.size(), MonoTime::min()),
          is_out_(options_.members.size(), false) {
        renew();
        thread_ = std::thread([this] { run(); });
    }
    ~MembershipThread() override { stop(); }

    std::shared_ptr<const Groups> groups() const override {
        MutexLock lock(mutex_);
        return groups_;
    }
    MonoTime alive_until() const override {
        MutexLock lock(mutex_);
        return std::ranges::min(alive_until_);
    }
    MonoTime alive_until(MemberRole role) const override {
        const auto found = std::ranges::find(roles_, role);
        MutexLock lock(mutex_);
        return alive_until_.at(static_cast<std::size_t>(found - roles_.begin()));
    }
    void stop() override {
        {
            MutexLock lock(mutex_);
            is_stopping_ = true;
        }
        woken_.notify_all();
        if (!thread_.joinable()) return;
        thread_.join();
        try {
            for (const MemberReport& report : options_.members)
                members_.end_membership(report.role, report.id);
        } catch (const std::exception& e) {
            log::debug("the others find that this process has stopped when its lease ends",
                       {{"reason", e.what()}});
        }
    }

private:
    void run() {
        while (true) {
            {
                MutexLock lock(mutex_);
                woken_.wait_for(lock, options_.renew_every, [&]() REQUIRES(mutex_) { return is_stopping_; });
                if (is_stopping_) return;
            }
            renew();
        }
    }

    // The indexes of the members whose work goes on.
    std::vector<std::size_t> ask() {
        std::vector<std::size_t> out;
        for (std::size_t i = 0; i < options_.members.size(); ++i) {
            MemberReport& report = options_.members[i];
            const Work work = options_.report ? options_.report(report) : Work::goes_on;
            const bool is_out = work != Work::goes_on;
            if (!is_out) out.push_back(i);
            if (is_out != is_out_[i]) log_work(work, report);
            is_out_[i] = is_out;
        }
        return out;
    }
    static void log_work(Work work, const MemberReport& report) {
        const std::string role(to_string(report.role));
        switch (work) {
            case Work::goes_on:
                return log::info("what hung, or was far behind, runs again", {{"role", role}});
            case Work::hangs:
                return log::error("a thread hangs; its lease is not renewed, so that others take over",
                                  {{"role", role}});
            case Work::is_behind:
                return log::error(
                    "a member is far behind the others; its lease is not renewed, so that they take over",
                    {{"role", role},
                     {"judged_until", report.judged ? format_rfc3339(*report.judged) : "none yet"}});
        }
    }

    // All leases: one alone may have been left to end, because its thread hangs.
    bool have_all_ended(MonoTime now) const {
        MutexLock lock(mutex_);
        return now >= std::ranges::max(alive_until_);
    }

    void renew() {
        const std::vector<std::size_t> living = ask();
        if (living.empty()) return;
        std::vector<MemberReport> reports;
        reports.reserve(living.size());
        for (const std::size_t i : living) reports.push_back(options_.members[i]);
        const MonoTime sent_at = clock_.mono();
        std::shared_ptr<const Groups> latest;
        try {
            const auto members = members_.renew_members(reports, options_.lease);
            latest = std::make_shared<const Groups>(members, options_.redundancy);
            take(latest, living, sent_at + options_.lease);
        } catch (const std::exception& e) {
            if (have_all_ended(clock_.mono()) && !std::exchange(logged_fenced_, true)) {
                log::warn(
                    "this process cannot renew its lease; the others have taken over its share of the work",
                    {{"reason", e.what()}});
            }
            return;
        }
        if (options_.renewed) options_.renewed(*groups(), *latest);
    }

    void take(std::shared_ptr<const Groups> groups, std::span<const std::size_t> living,
              MonoTime alive_until) {
        const MonoTime now = clock_.mono();
        bool is_back = false;
        {
            MutexLock lock(mutex_);
            const MonoTime before = std::ranges::max(alive_until_);
            is_back = before != MonoTime::min() && now >= before;
            for (const std::size_t i : living) alive_until_[i] = alive_until;
            if (is_back) return_until_ = now + options_.lease;
            if (now >= return_until_) groups_ = std::move(groups);
        }
        // A process that was stopped could not say so while it was fenced.
        if (is_back && !logged_fenced_) {
            log::warn(
                "this process renewed its lease too late; the others have taken over its share meanwhile");
        }
        if (std::exchange(logged_fenced_, false)) log::info("the lease of this process is renewed again");
    }

    MembershipOptions options_;  // what is reported is the thread's
    storage::Members& members_;
    const Clock& clock_;

    const std::vector<MemberRole> roles_;  // of each member

    mutable Mutex mutex_;
    CondVar woken_;
    bool is_stopping_ GUARDED_BY(mutex_) = false;
    std::shared_ptr<const Groups> groups_ GUARDED_BY(mutex_);
    std::vector<MonoTime> alive_until_ GUARDED_BY(mutex_);  // of each member

    // Used by the thread only.
    MonoTime return_until_ = MonoTime::min();  // what was known before it was fenced counts until then
    bool logged_fenced_ = false;
    std::vector<bool> is_out_;  // each member, because its work does not go on
    std::thread thread_;
};

}  // namespace

std::unique_ptr<Membership> start_membership(MembershipOptions options, storage::Members& members,
                                             const Clock& clock) {
    return std::make_unique<MembershipThread>(std::move(options), members, clock);
}

}  // namespace pricewire::cluster
