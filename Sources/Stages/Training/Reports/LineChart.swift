import Glibc
import TextSupport

/// A chart of several lines on one pair of axes, as SVG.
package struct LineChart {
  package struct Line {
    let name: String
    let color: String
    let points: [(x: Double, y: Double)]
    /// The dashes, as SVG's `stroke-dasharray`.
    let dashes: String

    /// A line; without a `name` if the page has a legend of its own.
    package init(
      name: String, color: String, points: [(x: Double, y: Double)], dashes: String = "none"
    ) {
      (self.name, self.color, self.points, self.dashes) = (name, color, points, dashes)
    }
  }

  /// Where the picture is shown.
  package enum Place {
    /// In a file of its own, on white.
    case file
    /// In a page, whose color of text and `--grid` it takes; its heading is the page's, too.
    case page
  }

  let title: String
  let xLabel: String
  let lines: [Line]
  /// Whether the vertical axis begins at 0, and not below the lowest value.
  private let beginsAtZero: Bool
  private let place: Place
  private let width: Double
  private let height: Double
  private let margin: Double

  package init(
    title: String, xLabel: String, lines: [Line], beginsAtZero: Bool = true, in place: Place = .file
  ) {
    self.title = title
    self.xLabel = xLabel
    self.lines = lines.filter { !$0.points.isEmpty }
    self.beginsAtZero = beginsAtZero
    self.place = place
    // On a telephone the picture of a page is about 360 points wide, and its text still readable.
    (width, height, margin) = place == .file ? (800, 450, 60) : (480, 300, 46)
  }

  package var svg: String {
    let points = lines.flatMap(\.points)
    let xMaximum = max(1, points.map(\.x).max() ?? 1)
    let yMaximum = max(1e-9, points.map(\.y).max() ?? 1)
    let yTicks = Self.ticks(from: beginsAtZero ? 0 : points.map(\.y).min() ?? 0, to: yMaximum)
    let yMinimum = yTicks.first ?? 0
    let (right, bottom) = (place == .file ? width - margin : width - 12, height - margin)
    // There must be room for 0.0005 at the left.
    let (left, top) = place == .file ? (margin, margin) : (56, 30)
    func x(_ value: Double) -> Double { left + value / xMaximum * (right - left) }
    func y(_ value: Double) -> Double {
      bottom - (value - yMinimum) / (yMaximum - yMinimum) * (bottom - top)
    }
    func text(_ value: Double) -> String { NumberText.decimal(value, digits: 1) }
    let (grid, ink) = place == .file ? ("#ddd", "black") : ("var(--grid)", "currentColor")
    var body = ""
    for tick in yTicks {
      body += """
        <line x1="\(left)" x2="\(right)" y1="\(text(y(tick)))" y2="\(text(y(tick)))" stroke="\(grid)"/>
        <text x="\(left - 8)" y="\(text(y(tick) + 4))" text-anchor="end">\(Self.label(tick))</text>

        """
    }
    for tick in Self.ticks(to: xMaximum) {
      body += """
        <text x="\(text(x(tick)))" y="\(bottom + 20)" text-anchor="middle">\(Self.label(tick))</text>

        """
    }
    var legend = left
    for (index, line) in lines.enumerated() {
      let path = line.points.map { "\(text(x($0.x))),\(text(y($0.y)))" }.joined(separator: " ")
      let markers = line.points.count > 40 ? [] : line.points
      let name =
        place == .file
        ? "x=\"\(right - 100)\" y=\"\(margin + 20.0 * Double(index))\""
        : "x=\"\(text(legend))\" y=\"16\""
      legend += Double(line.name.count) * 7.5 + 16
      body += """
        <polyline points="\(path)" fill="none" stroke="\(line.color)" stroke-width="2"\(line.dashes == "none" ? "" : " stroke-dasharray=\"\(line.dashes)\"")/>
        \(markers.map { "<circle cx=\"\(text(x($0.x)))\" cy=\"\(text(y($0.y)))\" r=\"3\" fill=\"\(line.color)\"/>" }.joined())
        <text \(name) fill="\(line.color)">\(line.name)</text>

        """
    }
    let size = place == .file ? "width=\"\(width)\" height=\"\(height)\" " : ""
    let heading =
      place == .file
      ? """
      <rect width="100%" height="100%" fill="white"/>
      <text x="\(margin)" y="30" font-size="16">\(title)</text>
      """ : "<title>\(title)</title>"
    return """
      <svg xmlns="http://www.w3.org/2000/svg" \(size)viewBox="0 0 \(text(width)) \(text(height))" role="img" fill="\(ink)" font-family="sans-serif" font-size="13">
      \(heading)
      <text x="\((left + right) / 2)" y="\(height - 8)" text-anchor="middle">\(xLabel)</text>
      <line x1="\(left)" x2="\(right)" y1="\(bottom)" y2="\(bottom)" stroke="\(ink)"/>
      <line x1="\(left)" x2="\(left)" y1="\(top)" y2="\(bottom)" stroke="\(ink)"/>
      \(body)</svg>

      """
  }

  /// About five round numbers from `minimum`, or the round number below it, to `maximum`.
  package static func ticks(from minimum: Double = 0, to maximum: Double) -> [Double] {
    // Values that hardly differ have an axis from 0.
    let minimum = maximum - minimum < 1e-6 * maximum.magnitude ? 0 : minimum
    let rough = (maximum - minimum) / 5
    let power = pow(10, log10(rough).rounded(.down))
    let step = [1.0, 2, 5, 10].map { $0 * power }.first { $0 >= rough } ?? power
    let first = (minimum / step).rounded(.down)
    // A product, because a sum of steps would not be round.
    return (0...10).map { (first + Double($0)) * step }.filter { $0 <= maximum + step * 1e-4 }
  }

  package static func label(_ value: Double) -> String {
    // Without the rounding error of the product that it is.
    NumberText.shortest((value * 1e9).rounded() / 1e9)
  }
}
