// CUDA's threads on a CPU, for tests: the threads of a block are fibers, run in a random order.
//
// A kernel runs one block after the other. A launch fails, instead of hanging or going on, where a
// thread waits for others that never come; where the threads of a block wait at different barriers;
// where the lanes of a shuffle are at different places of the program, name different masks, or one
// that leaves one of them out, or ask a lane that is none of them; and where something is written
// beyond the ends of shared memory. (AddressSanitizer, where it is loaded, reports what is read there,
// too.) Kernels are inlined, so the address that a call returns to is its place.
//
// Where ThreadSanitizer is loaded, each thread is a fiber of its own to it. A barrier orders what
// stands before and after it, as __syncwarp does for lanes; a shuffle orders nothing, and neither
// does one block after the other, except that every third block has the same fibers: to make new
// ones takes half a millisecond each. This file itself is not instrumented: what it does is no
// access of a kernel's.

#include "fibers.h"

#include <ucontext.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <vector>
#ifdef __SSE__
#include <xmmintrin.h>
#endif

extern "C" {
[[gnu::weak]] void* __tsan_get_current_fiber();
[[gnu::weak]] void* __tsan_create_fiber(unsigned flags);
[[gnu::weak]] void __tsan_switch_to_fiber(void* fiber, unsigned flags);
[[gnu::weak]] void __tsan_acquire(void* place);
[[gnu::weak]] void __tsan_release(void* place);
[[gnu::weak]] void __tsan_ignore_thread_begin();
[[gnu::weak]] void __tsan_ignore_thread_end();
[[gnu::weak]] void __asan_poison_memory_region(const volatile void* start, size_t size);
}

Position threadIdx, blockIdx, blockDim, gridDim;

namespace fibers {
namespace {

constexpr unsigned WARP = 32;
constexpr size_t STACK = 1 << 17, GUARD = 64;
// Of a guard: NaN in every type and at every place; arithmetic makes another of it in a double and
// in every second float.
constexpr uint64_t GUARDED = 0x7FF47DA57FA57DA5;
// Fibers that take turns to be a block's.
constexpr size_t TEAMS = 3;
constexpr unsigned NO_SYNC = 1;

enum State { READY, AT_BARRIER, AT_SHUFFLE, AT_WARP_BARRIER, DONE };

struct Fiber {
    ucontext_t context;
    std::unique_ptr<char[]> stack{new char[STACK]};
    void* sanitized = nullptr;
    State state;
    const void* place;
    unsigned mask;
    int source;
    uint64_t value;
    uint64_t result;
};

struct Shared {
    const void* declaration;
    char* bytes;
    size_t size;
};

std::vector<Fiber> teams[TEAMS];
// All that one block at a time has: the first `count` of its team, and its memory.
Fiber* threads;
unsigned count;
std::vector<Shared> arena;
// Addresses that stand for barriers: two of the block, in turn, and two of each warp.
std::vector<uint64_t>* barriers;
std::vector<unsigned> turns;
ucontext_t scheduler;
void* scheduler_sanitized;
// Addresses that stand for the begin and the end of a launch.
char launch_begins, launch_ends;
std::function<void()> body;
std::string failure;

bool watched() { return __tsan_create_fiber != nullptr; }

void switch_to(ucontext_t& from, ucontext_t& to, void* sanitized) {
    if (watched()) __tsan_switch_to_fiber(sanitized, NO_SYNC);
    swapcontext(&from, &to);
}

// What is done in there is unknown to ThreadSanitizer.
struct Unwatched {
    Unwatched() {
        if (watched()) __tsan_ignore_thread_begin();
    }
    ~Unwatched() {
        if (watched()) __tsan_ignore_thread_end();
    }
};

Fiber& self() { return threads[threadIdx.x]; }

std::string here(unsigned thread) {
    return "thread " + std::to_string(thread) + " of block (" + std::to_string(blockIdx.x) + ", " +
           std::to_string(blockIdx.y) + ")";
}

void wait(State state, const void* place) {
    Fiber& fiber = self();
    fiber.state = state;
    fiber.place = place;
    switch_to(fiber.context, scheduler, scheduler_sanitized);
}

void* barrier_of(size_t group, unsigned turn) { return &(*barriers)[2 * group + turn % 2]; }

// Wait so that all that the group has written until then is seen afterwards.
void wait_in_order(State state, const void* place, size_t group) {
    unsigned turn = turns[group * count + threadIdx.x]++;
    if (watched()) __tsan_release(barrier_of(group, turn));
    wait(state, place);
    if (watched()) __tsan_acquire(barrier_of(group, turn));
}

void enter() {
    if (watched()) __tsan_acquire(&launch_begins);
    body();
    if (watched()) __tsan_release(&launch_ends);
    self().state = DONE;
    switch_to(self().context, scheduler, scheduler_sanitized);
}

// Let the lanes that one waits for go on, if all of them are there.
void settle_lanes(size_t first, unsigned lane) {
    Fiber& one = threads[first + lane];
    unsigned mask = one.mask;
    for (unsigned i = 0; i < WARP; ++i) {
        if (!(mask >> i & 1)) continue;
        Fiber& other = threads[first + i];
        if (other.state == DONE) {
            failure = here(first + lane) + " waits for lane " + std::to_string(i) +
                      ", which has come to its end";
            return;
        }
        if (other.state != AT_SHUFFLE && other.state != AT_WARP_BARRIER) return;
        if (!(other.mask >> lane & 1)) return;  // It waits for others first.
    }
    for (unsigned i = 0; i < WARP; ++i) {
        if (!(mask >> i & 1)) continue;
        Fiber& other = threads[first + i];
        if (other.mask != mask || other.place != one.place || other.state != one.state) {
            failure = here(first + lane) + " and lane " + std::to_string(i) + " name " +
                      (other.mask != mask ? "different masks" : "each other in different places");
            return;
        }
    }
    for (unsigned i = 0; i < WARP; ++i) {
        if (!(mask >> i & 1)) continue;
        Fiber& other = threads[first + i];
        if (other.state == AT_SHUFFLE && !(mask >> other.source & 1)) {
            failure = here(first + i) + " asks lane " + std::to_string(other.source) +
                      ", which its mask does not name";
            return;
        }
        other.result = threads[first + other.source].value;
    }
    for (unsigned i = 0; i < WARP; ++i)
        if (mask >> i & 1) threads[first + i].state = READY;
}

// Let all threads go on if all of them wait at one barrier.
void settle_block() {
    for (unsigned i = 0; i < count; ++i)
        if (threads[i].state != AT_BARRIER) return;
    for (unsigned i = 0; i < count; ++i)
        if (threads[i].place != threads[0].place) {
            failure = here(i) + " waits at another barrier than the first";
            return;
        }
    for (unsigned i = 0; i < count; ++i) threads[i].state = READY;
}

void settle() {
    for (unsigned i = 0; i < count && failure.empty(); ++i)
        if (threads[i].state == AT_SHUFFLE || threads[i].state == AT_WARP_BARRIER)
            settle_lanes(i / WARP * WARP, i % WARP);
    if (failure.empty()) settle_block();
}

void begin_block(std::vector<Fiber>& team) {
    if (team.size() < count) team.resize(count);
    threads = team.data();
    barriers = new std::vector<uint64_t>(2 * (1 + count / WARP));
    turns.assign((1 + count / WARP) * count, 0);
    for (unsigned i = 0; i < count; ++i) {
        Fiber& fiber = threads[i];
        fiber.state = READY;
        if (watched() && !fiber.sanitized) fiber.sanitized = __tsan_create_fiber(0);
        getcontext(&fiber.context);
        fiber.context.uc_stack.ss_sp = fiber.stack.get();
        fiber.context.uc_stack.ss_size = STACK;
        fiber.context.uc_link = nullptr;
        makecontext(&fiber.context, enter, 0);
    }
}

size_t rounded(size_t size) { return (size + GUARD - 1) / GUARD * GUARD; }

// Whether nothing was written to the guards before and after.
bool is_whole(const Shared& shared) {
    char expected[sizeof GUARDED];
    std::memcpy(expected, &GUARDED, sizeof GUARDED);
    const char* start = shared.bytes - GUARD;
    size_t stop = GUARD + rounded(shared.size) + GUARD;
    for (size_t i = 0; i < stop; ++i) {
        bool inside = i >= GUARD && i < GUARD + shared.size;
        if (!inside && start[i] != expected[i % sizeof expected]) return false;
    }
    return true;
}

void end_block() {
    Unwatched unwatched;
    for (Shared& each : arena) {
        if (failure.empty() && !is_whole(each))
            failure = "something was written beyond the ends of shared memory";
        std::free(each.bytes - GUARD);
    }
    arena.clear();
    delete barriers;
}

void run_block(std::vector<Fiber>& team, std::mt19937& rng) {
    begin_block(team);
    std::vector<unsigned> order(count);
    for (unsigned i = 0; i < count; ++i) order[i] = i;
    std::shuffle(order.begin(), order.end(), rng);
    unsigned done = 0;
    while (failure.empty() && done < count) {
        bool ran = false;
        for (unsigned i : order) {
            if (threads[i].state != READY) continue;
            ran = true;
            threadIdx.x = i;
            switch_to(scheduler, threads[i].context, threads[i].sanitized);
            if (!failure.empty()) break;
            done += threads[i].state == DONE;
        }
        if (!ran) failure = "some threads wait for others that never come";
        if (failure.empty()) settle();
    }
    end_block();
}

}  // namespace

void* shared_bytes(const void* declaration, size_t size) {
    for (Shared& each : arena)
        if (each.declaration == declaration) return each.bytes;
    Unwatched unwatched;
    size_t room = rounded(size);
    char* bytes = static_cast<char*>(std::aligned_alloc(GUARD, room + 2 * GUARD));
    for (size_t i = 0; i < room + 2 * GUARD; i += sizeof GUARDED)
        std::memcpy(bytes + i, &GUARDED, sizeof GUARDED);
    std::memset(bytes + GUARD, 0xff, size);
    if (__asan_poison_memory_region) {
        __asan_poison_memory_region(bytes, GUARD);
        __asan_poison_memory_region(bytes + GUARD + size, room - size + GUARD);
    }
    arena.push_back({declaration, bytes + GUARD, size});
    return bytes + GUARD;
}

void barrier() { wait_in_order(AT_BARRIER, __builtin_return_address(0), 0); }

static void check_mask(unsigned mask) {
    if (mask >> threadIdx.x % WARP & 1) return;
    failure = here(threadIdx.x) + " gives a mask that does not name it";
    switch_to(self().context, scheduler, scheduler_sanitized);
}

uint64_t exchange(unsigned mask, uint64_t given, int source) {
    const void* place = __builtin_return_address(0);
    check_mask(mask);
    self().mask = mask;
    self().value = given;
    self().source = source;
    wait(AT_SHUFFLE, place);
    return self().result;
}

void warp_barrier(unsigned mask) {
    const void* place = __builtin_return_address(0);
    check_mask(mask);
    self().mask = mask;
    self().source = threadIdx.x % WARP;
    wait_in_order(AT_WARP_BARRIER, place, 1 + threadIdx.x / WARP);
}

const char* run(const std::function<void()>& kernel, unsigned grid_x, unsigned grid_y,
                unsigned block, bool flush) {
    static std::mt19937 rng(1);
#ifdef __SSE__
    // Contexts begin with it: flush to zero, and denormals are zeros.
    unsigned before = _mm_getcsr();
    if (flush) _mm_setcsr(before | 0x8040);
#endif
    blockDim = {block, 1, 1};
    gridDim = {grid_x, grid_y, 1};
    count = block;
    body = kernel;
    failure.clear();
    if (watched()) {
        scheduler_sanitized = __tsan_get_current_fiber();
        __tsan_release(&launch_begins);
    }
    size_t blocks = 0;
    for (unsigned y = 0; y < grid_y && failure.empty(); ++y)
        for (unsigned x = 0; x < grid_x && failure.empty(); ++x) {
            blockIdx = {x, y, 0};
            run_block(teams[watched() ? blocks++ % TEAMS : 0], rng);
        }
    if (watched()) __tsan_acquire(&launch_ends);
#ifdef __SSE__
    _mm_setcsr(before);
#endif
    return failure.empty() ? nullptr : failure.c_str();
}

}  // namespace fibers
