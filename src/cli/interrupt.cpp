#include "interrupt.hpp"

#include <csignal>

namespace numgeom::cli {
namespace {

volatile std::sig_atomic_t interrupt_requested = 0;

void on_signal(int signal) {
  interrupt_requested = 1;
  std::signal(signal, SIG_DFL);
}

}  // namespace

InterruptGuard::InterruptGuard() {
  interrupt_requested = 0;
  std::signal(SIGINT, on_signal);
  std::signal(SIGTERM, on_signal);
}

InterruptGuard::~InterruptGuard() {
  std::signal(SIGINT, SIG_DFL);
  std::signal(SIGTERM, SIG_DFL);
}

bool InterruptGuard::requested() { return interrupt_requested != 0; }

}  // namespace numgeom::cli
