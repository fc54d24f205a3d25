#include "storage/sqlite/writer.hpp"

#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <limits>

#include "base/log.hpp"

namespace pricewire::storage::sqlite {
namespace {

// How soon a user disabled on the command line is noticed.
constexpr auto look_every = std::chrono::milliseconds{200};
// Calls per commit at most, which bounds how long the first of them waits.
constexpr std::size_t max_group = 1000;
// From this many pages on (16 MB), the log is checkpointed as soon as nobody writes: within a commit, its callers would
// wait for the checkpoint, too. From longest_log on (64 MB), it is checkpointed before anything else is written.
constexpr int long_log = 4000;
constexpr int longest_log = 16'000;
constexpr auto quiet = std::chrono::milliseconds{2};
// How much of the log is prepared at a time, and what must be left on the disk.
constexpr std::int64_t log_piece = 1 << 20;
constexpr std::int64_t log_page = 4096;
constexpr std::uintmax_t disk_left = std::uintmax_t{1} << 30;

// Keeps other processes from writing while it exists.
class Locked {
public:
    explicit Locked(Connection& db) : db_(db) { db_.execute("BEGIN IMMEDIATE"); }
    ~Locked() {
        try {
            db_.execute("ROLLBACK");
        } catch (const SQLite::Exception&) {
            // It has ended already.
        }
    }
    Locked(const Locked&) = delete;
    Locked& operator=(const Locked&) = delete;

private:
    Connection& db_;
};

std::int64_t size_of(const std::filesystem::path& file) {
    std::error_code error;
    const auto size = std::filesystem::file_size(file, error);
    return error ? 0 : static_cast<std::int64_t>(size);
}

}  // namespace

Writer::Writer(std::unique_ptr<Connection> connection, StorageEvents events, bool prepares_log)
    : db_(std::move(connection)),
      files_(db_->database().getFilename()),
      paths_(files_of(db_->database().getFilename())),
      events_(std::move(events)),
      prepares_log_(prepares_log) {
    data_version_ = translate([&] { return db_->pragma("data_version"); });
    // In place of SQLite's own checkpoints.
    sqlite3_wal_hook(
        db_->database().getHandle(),
        [](void* writer, sqlite3*, const char*, int pages) {
            static_cast<Writer*>(writer)->log_pages_ = pages;
            return SQLITE_OK;
        },
        this);
    thread_ = std::thread([this] { run(); });
}

Writer::~Writer() {
    {
        MutexLock lock(mutex_);
        closed_ = true;
        left_.wait(lock, [&]() REQUIRES(mutex_) { return callers_ == 0; });
        ended_ = true;
    }
    due_.notify_one();
    thread_.join();
}

void Writer::submit(Durability durability, std::function<void(Connection&)> call) {
    Job job{durability, std::move(call)};
    finish({&job, 1});
    if (job.error) std::rethrow_exception(job.error);
}

std::vector<std::exception_ptr> Writer::run_each(Durability durability,
                                                 std::vector<std::function<void(Connection&)>> calls) {
    // Not a vector: they cannot be moved.
    const auto jobs = std::make_unique<Job[]>(calls.size());
    for (std::size_t i = 0; i < calls.size(); ++i) {
        jobs[i].durability = durability;
        jobs[i].call = std::move(calls[i]);
    }
    finish({jobs.get(), calls.size()});
    std::vector<std::exception_ptr> out;
    for (std::size_t i = 0; i < calls.size(); ++i) out.push_back(jobs[i].error);
    return out;
}

// Returns when all are done. The thread waits at its first one that is not, and whoever is free wakes the thread of the first
// one in the queue: since the jobs of a thread are queued together and taken in order, that is where it waits.
void Writer::finish(std::span<Job> jobs) {
    MutexLock lock(mutex_);
    if (closed_) throw StorageError("database: it is closed");
    ++callers_;
    for (Job& job : jobs) jobs_.push_back(&job);
    for (Job& job : jobs) {
        while (!job.done) {
            job.changed.wait(lock, [&]() REQUIRES(mutex_) { return job.done || is_free(); });
            if (job.done) break;
            const std::vector<Job*> group = take_group();
            lock.unlock();
            commit_group(group);
            const MonoTime now = system_clock().mono();
            if (now >= look_at_) look_for_foreign_writes(now);
            const int log_pages = log_pages_;
            lock.lock();
            for (Job* done : group) {
                done->done = true;
                done->changed.notify_one();
            }
            if (log_pages >= long_log && !std::exchange(log_is_long_, true)) due_.notify_one();
            if (log_pages >= longest_log) log_is_longest_ = true;
            if (jobs_.empty()) {
                lock.unlock();
                expect_power();
                lock.lock();
            }
            set_free(now);
        }
    }
    if (--callers_ == 0 && closed_) left_.notify_one();
}

// Those that have waited longest.
std::vector<Writer::Job*> Writer::take_group() {
    busy_ = true;
    const auto count = static_cast<std::ptrdiff_t>(std::min(jobs_.size(), max_group));
    const std::vector<Job*> group(jobs_.begin(), jobs_.begin() + count);
    jobs_.erase(jobs_.begin(), jobs_.begin() + count);
    return group;
}

void Writer::set_free(MonoTime now) {
    busy_ = false;
    free_since_ = now;
    if (log_is_longest_) {
        due_.notify_one();
    } else if (!jobs_.empty()) {
        jobs_.front()->changed.notify_one();
    }
}

void Writer::run() {
    MonoTime wake = system_clock().mono() + look_every;
    MutexLock lock(mutex_);
    while (!ended_) {
        const bool was_long = log_is_long_;
        due_.wait_until(lock, wake, [&]() REQUIRES(mutex_) {
            return ended_ || log_is_long_ != was_long || (log_is_longest_ && !busy_);
        });
        MonoTime now = system_clock().mono();
        const bool is_quiet = jobs_.empty() && now >= free_since_ + quiet;
        if (busy_ || (!is_quiet && !log_is_longest_)) {
            wake = now + (log_is_long_ ? quiet : look_every);
            continue;
        }
        busy_ = true;
        const bool is_checkpoint_due = log_is_long_;
        lock.unlock();
        if (now >= look_at_) look_for_foreign_writes(now);
        if (is_checkpoint_due) checkpoint();
        const bool prepares = prepares_log_;
        prepares_log_ = prepares && prepare_some_log();
        now = system_clock().mono();
        lock.lock();
        if (is_checkpoint_due) log_is_long_ = log_is_longest_ = false;
        set_free(now);
        wake = now + look_every;
        if (!prepares) continue;
        lock.unlock();
        flush_log();
        lock.lock();
        wake = now + quiet;
    }
}

void Writer::commit_group(const std::vector<Job*>& jobs) {
    try {
        translate([&] {
            check_files();
            Durability durability = Durability::process;
            for (const Job* job : jobs) {
                if (job->durability == Durability::power) durability = Durability::power;
            }
            set_durability(durability);
            db_->change("begin");
            if (jobs.size() == 1) {
                jobs.front()->call(*db_);
                jobs.front()->changes = db_->take_changes();
            } else {
                for (Job* job : jobs) run_in_savepoint(*job);
            }
            db_->change("commit");
            // If they have gone meanwhile, the commit went with them.
            check_files();
        });
    } catch (...) {
        const auto error = std::current_exception();
        db_->take_changes();
        try {
            db_->execute("ROLLBACK");
        } catch (const SQLite::Exception&) {
            // SQLite has already rolled back (after a full disk, say).
        }
        for (Job* job : jobs) {
            if (!job->error) job->error = error;
        }
    }
    for (Job* job : jobs) {
        if (!job->error) {
            for (const Change& change : job->changes) raise(change);
        }
    }
}

void Writer::run_in_savepoint(Job& job) {
    db_->execute("SAVEPOINT call");
    try {
        translate([&] {
            job.call(*db_);
            db_->execute("RELEASE call");
            job.changes = db_->take_changes();
        });
    } catch (...) {
        job.error = std::current_exception();
        db_->take_changes();
        // Throws if the whole transaction is gone; then the group fails.
        db_->execute("ROLLBACK TO call");
        db_->execute("RELEASE call");
    }
}

// Another program's VACUUM or checkpoint makes the files shorter, too, and SQLite then knows of it.
void Writer::check_files() {
    const auto [file_size, log_size] = files_.check();
    if (file_size < file_size_ && db_->pragma("page_count") * db_->pragma("page_size") > file_size)
        OpenFiles::refuse_truncated(paths_[0]);
    if (log_size < log_size_ && bytes_in_log() > log_size) OpenFiles::refuse_truncated(paths_[1]);
    file_size_ = file_size;
    log_size_ = log_size;
}

// How long the log must be for what SQLite knows to be in it (sqlite.org/fileformat2.html#walformat).
std::int64_t Writer::bytes_in_log() {
    try {
        SQLite::Statement checkpoint(db_->database(), "PRAGMA wal_checkpoint(PASSIVE)");
        checkpoint.executeStep();
        const std::int64_t frames = checkpoint.getColumn(1).getInt64();
        return frames <= 0 ? 0 : 32 + frames * (24 + db_->pragma("page_size"));
    } catch (const SQLite::Exception&) {
        // It cannot be read as far as that.
        return std::numeric_limits<std::int64_t>::max();
    }
}

// Errors are ignored, as SQLite's own checkpoints ignore them: one that lasts fails a later commit.
void Writer::checkpoint() {
    sqlite3_wal_checkpoint_v2(db_->database().getHandle(), nullptr, SQLITE_CHECKPOINT_PASSIVE, nullptr,
                              nullptr);
}

// Appends zeros to the log, which nobody reads until they are overwritten: what follows the last commit is found invalid by
// its checksum (sqlite.org/fileformat2.html#walformat). False if that is done, or cannot be done here.
bool Writer::prepare_some_log() {
    std::error_code error;
    const auto disk = std::filesystem::space(paths_[1], error);
    if (error || disk.available < disk_left) return false;
    try {
        files_.check();
        const std::int64_t to = 32 + long_log * (24 + db_->pragma("page_size"));
        // Other processes may write into the log, too.
        const Locked locked(*db_);
        const std::int64_t from = size_of(paths_[1]);
        const int fd = open(paths_[1].c_str(), O_WRONLY | O_APPEND | O_CLOEXEC);
        if (fd < 0) return false;
        // By single pages: of what was written at once the system may cache more together, all of which it looks through
        // for each write into it.
        const std::string page(log_page, '\0');
        const std::int64_t end = std::min(to, from + log_piece);
        std::int64_t at = from;
        while (at < end) {
            const std::int64_t next = std::min(end, (at / log_page + 1) * log_page);
            const ssize_t written = write(fd, page.data(), static_cast<std::size_t>(next - at));
            if (written <= 0) break;
            at += written;
        }
        close(fd);
        return at == end && end < to;
    } catch (const std::exception&) {
        return false;
    }
}

// Not on behalf of a caller, and nobody waits meanwhile.
void Writer::flush_log() {
    const int fd = open(paths_[1].c_str(), O_WRONLY | O_CLOEXEC);
    if (fd < 0) return;
    fdatasync(fd);
    close(fd);
}

void Writer::set_durability(Durability durability) {
    if (set_ == durability) return;
    db_->execute(durability == Durability::power ? "PRAGMA synchronous = FULL"
                                                 : "PRAGMA synchronous = NORMAL");
    set_ = durability;
}

// SQLite parses a pragma each time it is set, and a firing, which comes alone, should not wait for that.
void Writer::expect_power() {
    try {
        set_durability(Durability::power);
    } catch (const SQLite::Exception&) {
        // The next call sets it, or fails.
        set_.reset();
    }
}

void Writer::raise(const Change& change) {
    if (const auto* alert = std::get_if<AlertChange>(&change)) {
        if (events_.alert_changed) events_.alert_changed(*alert);
    } else if (events_.user_changed) {
        events_.user_changed(std::get<UserChange>(change).user_id);
    }
}

void Writer::look_for_foreign_writes(MonoTime at) {
    look_at_ = at + look_every;
    try {
        // data_version does not change with this connection's own commits
        // (sqlite.org/pragma.html#pragma_data_version).
        const std::int64_t now = db_->pragma("data_version");
        if (std::exchange(data_version_, now) != now && events_.user_changed)
            events_.user_changed(std::nullopt);
    } catch (const SQLite::Exception& e) {
        log::warn(
            "cannot check the database for changes by other processes; a user disabled there may be noticed "
            "late",
            {{"reason", e.what()}});
    }
}

}  // namespace pricewire::storage::sqlite
