// Rows in aligned columns.
#pragma once

#include <string>
#include <vector>

#include "agent/cli/output.h"

namespace mayfly::cli {

enum class Align : std::uint8_t { kLeft, kRight };

struct Column {
  std::string title;
  Align align = Align::kLeft;
};

struct Cell {
  Cell(std::string cell_text) : text(std::move(cell_text)) {}  // NOLINT: cells are mostly text
  Cell(const char* cell_text) : text(cell_text) {}             // NOLINT
  Cell(std::string cell_text, Colour cell_colour)
      : text(std::move(cell_text)), colour(cell_colour) {}

  std::string text;
  Colour colour = Colour::kNone;
};

class Table {
 public:
  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

  /// REQUIRES: as many cells as columns. Text is escaped; empty cells show as "-".
  void add(std::vector<Cell> row);
  [[nodiscard]] bool empty() const { return rows_.empty(); }
  /// Head and rows, each line ended and without trailing spaces.
  [[nodiscard]] std::string render(const Output& out) const;

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<Cell>> rows_;
};

}  // namespace mayfly::cli
