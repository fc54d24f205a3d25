// A library to be preloaded: the wall clock that a program sees is the one in the file that PRICEWIRE_TEST_CLOCK names,
// which a test changes while the program runs. The monotonic clock stays as it is, as on a machine that was asleep.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <ctime>

namespace {

// What the file holds, in microseconds; Deployment::write_clock() writes it.
struct MovedClock {
    std::int64_t ahead;      // of the machine's
    std::int64_t stands_at;  // since 1970; 0: it goes on
};

const volatile MovedClock* open_clock() {
    const char* name = std::getenv("PRICEWIRE_TEST_CLOCK");
    const int file = name == nullptr ? -1 : open(name, O_RDONLY | O_CLOEXEC);
    if (file < 0) return nullptr;
    void* mapped = mmap(nullptr, sizeof(MovedClock), PROT_READ, MAP_SHARED, file, 0);
    close(file);
    return mapped == MAP_FAILED ? nullptr : static_cast<const MovedClock*>(mapped);
}

int moved_time(clockid_t clock, timespec& out) {
    const auto result = static_cast<int>(syscall(SYS_clock_gettime, clock, &out));
    static const volatile MovedClock* const moved = open_clock();
    if (result != 0 || moved == nullptr || (clock != CLOCK_REALTIME && clock != CLOCK_REALTIME_COARSE))
        return result;
    const std::int64_t stands_at = moved->stands_at;
    if (stands_at != 0) {
        out = {stands_at / 1'000'000, stands_at % 1'000'000 * 1000};
        return 0;
    }
    const std::int64_t ahead = moved->ahead;
    const std::int64_t nanoseconds = out.tv_nsec + ahead % 1'000'000 * 1000;
    out.tv_sec += ahead / 1'000'000 + nanoseconds / 1'000'000'000;
    out.tv_nsec = nanoseconds % 1'000'000'000;
    return 0;
}

}  // namespace

extern "C" {

int clock_gettime(clockid_t clock, timespec* out) noexcept {
    return moved_time(clock, *out);
}

int gettimeofday(timeval* out, void*) noexcept {
    timespec now{};
    const int result = moved_time(CLOCK_REALTIME, now);
    *out = {now.tv_sec, now.tv_nsec / 1000};
    return result;
}

time_t time(time_t* out) noexcept {
    timespec now{};
    moved_time(CLOCK_REALTIME, now);
    if (out != nullptr) *out = now.tv_sec;
    return now.tv_sec;
}
}
