#include "storage/postgres/creator.hpp"

#include <algorithm>
#include <map>
#include <tuple>
#include <unordered_map>

#include "storage/postgres/store.hpp"

namespace pricewire::storage::postgres {
namespace {

// Alerts per commit at most, which bounds how long the first of them waits.
constexpr std::size_t max_group = 500;

auto identity(const Alert& a) {
    return std::tuple(a.user_id, a.ticker.view(), a.condition, a.target, std::string_view(a.webhook_url));
}

pqxx::result insert(Connection& db, const std::vector<const Alert*>& alerts) {
    Array id, user, ticker, condition, target, url, created, format, body, type, note, within, trace, recover;
    for (const Alert* a : alerts) {
        id.add(a->id);
        user.add(a->user_id);
        ticker.add(a->ticker.view());
        condition.add(to_string(a->condition));
        target.add(a->target);
        url.add(a->webhook_url);
        created.add(a->created_at);
        format.add(to_string(a->format));
        std::optional<std::string_view> custom_body;
        std::optional<std::string_view> custom_type;
        if (a->custom) {
            custom_body = a->custom->body;
            custom_type = a->custom->content_type;
        }
        body.add(custom_body);
        type.add(custom_type);
        note.add(a->note);
        within.add(a->deliver_within);
        std::optional<std::string> trace_text;
        if (a->trace) trace_text = to_text(*a->trace);
        trace.add(trace_text);
        recover.add(a->recover);
    }
    return db.run("alerts_insert", id, user, ticker, condition, target, url, created, format, body, type,
                  note, within, trace, recover);
}

struct Room {
    std::int64_t active = 0;
    bool deleted = false;
    int added = 0;
};

}  // namespace

std::expected<void, CreateAlertError> Creator::create(const Alert& alert, std::size_t limit) {
    Job job{&alert, limit, {}, nullptr, false};
    MutexLock lock(mutex_);
    waiting_.push_back(&job);
    changed_.wait(lock, [&]() REQUIRES(mutex_) { return job.done || !busy_; });
    if (!job.done) {
        // No other thread is creating: this one takes all that wait until its own is done.
        busy_ = true;
        while (!job.done) {
            const std::size_t count = std::min(waiting_.size(), max_group);
            const std::vector<Job*> jobs(waiting_.begin(),
                                         waiting_.begin() + static_cast<std::ptrdiff_t>(count));
            waiting_.erase(waiting_.begin(), waiting_.begin() + static_cast<std::ptrdiff_t>(count));
            lock.unlock();
            create_all(jobs);
            lock.lock();
            for (Job* j : jobs) j->done = true;
            changed_.notify_all();
        }
        busy_ = false;
        changed_.notify_all();
    }
    if (job.error) std::rethrow_exception(job.error);
    return job.result;
}

void Creator::create_all(const std::vector<Job*>& jobs) {
    try {
        pool_.transaction(Durability::power, [&](Connection& db) { create_in(db, jobs); });
    } catch (const RefusedValue&) {
        // One of them is invalid: it must not make the others fail.
        if (jobs.size() == 1) {
            jobs[0]->error = std::current_exception();
            return;
        }
        for (Job* job : jobs) create_all({job});
    } catch (const std::exception&) {
        for (Job* job : jobs) job->error = std::current_exception();
    }
}

void Creator::create_in(Connection& db, std::vector<Job*> jobs) {
    // In the same order in all processes, so that two that create the same alerts do not deadlock. Of
    // identical ones the older comes first.
    std::sort(jobs.begin(), jobs.end(), [](const Job* a, const Job* b) {
        return std::pair(identity(*a->alert), a->alert->id) < std::pair(identity(*b->alert), b->alert->id);
    });
    std::vector<const Alert*> alerts;
    for (const Job* job : jobs) alerts.push_back(job->alert);
    const auto rows = insert(db, alerts);
    std::vector<Job*> inserted;
    std::vector<Uuid> users;
    for (std::size_t i = 0; i < jobs.size(); ++i) {
        const Row row = rows[static_cast<pqxx::result::size_type>(i)];
        if (row.flag(0)) {
            jobs[i]->result = std::unexpected(CreateAlertError::endpoint_disabled);
        } else if (!row.flag(1)) {
            jobs[i]->result = std::unexpected(CreateAlertError::duplicate);
        } else {
            inserted.push_back(jobs[i]);
            users.push_back(jobs[i]->alert->user_id);
        }
    }
    if (inserted.empty()) return;
    std::sort(users.begin(), users.end());
    users.erase(std::unique(users.begin(), users.end()), users.end());
    Array user_ids;
    for (const Uuid& user : users) user_ids.add(user);
    std::unordered_map<Uuid, Room> rooms;
    for (const Row row : db.run("users_lock", user_ids)) rooms[row.id(0)] = {row.number(1), row.flag(2), 0};

    Array removed;
    std::map<Uuid, int> counts;
    std::vector<Change> changes;
    for (Job* job : inserted) {
        Room& room = rooms[job->alert->user_id];
        // A user deleted in the meantime has no room at all.
        if (room.deleted || static_cast<std::size_t>(room.active + room.added) >= job->limit) {
            job->result = std::unexpected(CreateAlertError::limit_reached);
            removed.add(job->alert->id);
            continue;
        }
        ++room.added;
        ++counts[job->alert->user_id];
        job->result = {};
        changes.push_back(AlertChange{AlertChange::Kind::created, sql::active_part(*job->alert)});
    }
    if (removed.size() > 0) db.run("alerts_remove", removed);
    if (changes.empty()) return;
    sql::count_active(db, counts);
    db.notify(changes);
}

}  // namespace pricewire::storage::postgres
