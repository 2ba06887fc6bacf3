#include "agent/cli/app.h"

int main(int argc, char** argv) {
  return mayfly::cli::run(argc, argv);
}
