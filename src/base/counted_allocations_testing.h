// Counts what a program allocates: replaces the global operators new and delete. For benchmarks and small test
// programs; included by one source of a program, its main one.
//
//   const uint64_t before = base::allocations;
//   encode(tree);
//   std::printf("%llu\n", base::allocations - before);
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <new>

namespace backstitch::base {

inline thread_local uint64_t allocations = 0;  // by this thread, since it began

// nullptr where there is no memory. Not inlined: GCC would take malloc and delete, or new and free, for mismatched.
[[gnu::noinline]] inline void* counted_allocation(size_t size, size_t alignment) noexcept {
  ++allocations;
  // aligned_alloc wants whole multiples.
  return alignment == 0 ? std::malloc(size) : std::aligned_alloc(alignment, (size + alignment - 1) & -alignment);
}
[[gnu::noinline]] inline void* counted_new(size_t size, size_t alignment) {
  if (void* const memory = counted_allocation(size, alignment)) return memory;
  throw std::bad_alloc();
}
[[gnu::noinline]] inline void counted_free(void* memory) { std::free(memory); }

}  // namespace backstitch::base

// The array forms call these.
void* operator new(size_t size) { return backstitch::base::counted_new(size, 0); }
void* operator new(size_t size, std::align_val_t alignment) {
  return backstitch::base::counted_new(size, static_cast<size_t>(alignment));
}
void* operator new(size_t size, const std::nothrow_t&) noexcept {
  return backstitch::base::counted_allocation(size, 0);
}
void operator delete(void* memory) noexcept { backstitch::base::counted_free(memory); }
void operator delete(void* memory, size_t) noexcept { backstitch::base::counted_free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { backstitch::base::counted_free(memory); }
void operator delete(void* memory, size_t, std::align_val_t) noexcept { backstitch::base::counted_free(memory); }
