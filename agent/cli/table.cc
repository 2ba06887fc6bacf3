#include "agent/cli/table.h"

#include <algorithm>
#include <cassert>

#include "agent/cli/text.h"

namespace mayfly::cli {
namespace {

constexpr std::string_view kBetween = "   ";

struct Place {
  std::size_t width;
  Align align;
  bool last;
};

void append_cell(std::string& line, const Cell& cell, Place place, const Output& out) {
  const std::string padding(place.width - width(cell.text), ' ');
  const std::string painted = out.paint(cell.colour, cell.text);
  if (place.align == Align::kRight) {
    line += padding + painted;
  } else {
    line += painted + (place.last ? "" : padding);
  }
  if (!place.last) line += kBetween;
}

}  // namespace

void Table::add(std::vector<Cell> row) {
  assert(row.size() == columns_.size());
  for (Cell& cell : row) cell.text = cell.text.empty() ? "-" : printable(cell.text);
  rows_.push_back(std::move(row));
}

std::string Table::render(const Output& out) const {
  std::vector<std::size_t> widths;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    std::size_t widest = width(columns_[i].title);
    for (const auto& row : rows_) widest = std::max(widest, width(row[i].text));
    widths.push_back(widest);
  }
  const auto render_row = [&](const std::vector<Cell>& row) {
    std::string line;
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      append_cell(line, row[i], {widths[i], columns_[i].align, i + 1 == columns_.size()}, out);
    }
    return line + "\n";
  };
  std::vector<Cell> head;
  for (const Column& column : columns_) head.emplace_back(column.title, Colour::kDim);
  std::string text = render_row(head);
  for (const auto& row : rows_) text += render_row(row);
  return text;
}

}  // namespace mayfly::cli
