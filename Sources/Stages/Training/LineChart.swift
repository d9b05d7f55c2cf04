import Foundation

/// A chart of several lines on one pair of axes, as SVG.
package struct LineChart {
  package struct Line {
    let name: String
    let color: String
    let points: [(x: Double, y: Double)]

    package init(name: String, color: String, points: [(x: Double, y: Double)]) {
      (self.name, self.color, self.points) = (name, color, points)
    }
  }

  let title: String
  let xLabel: String
  let lines: [Line]
  private let width = 800.0
  private let height = 450.0
  private let margin = 60.0

  package init(title: String, xLabel: String, lines: [Line]) {
    self.title = title
    self.xLabel = xLabel
    self.lines = lines.filter { !$0.points.isEmpty }
  }

  package var svg: String {
    let points = lines.flatMap(\.points)
    let xMaximum = max(1, points.map(\.x).max() ?? 1)
    let yMaximum = max(1e-9, points.map(\.y).max() ?? 1)
    let (right, bottom) = (width - margin, height - margin)
    func x(_ value: Double) -> Double { margin + value / xMaximum * (right - margin) }
    func y(_ value: Double) -> Double { bottom - value / yMaximum * (bottom - margin) }
    func text(_ value: Double) -> String { String(format: "%.1f", value) }
    var body = ""
    for tick in Self.ticks(to: yMaximum) {
      body += """
        <line x1="\(margin)" x2="\(right)" y1="\(text(y(tick)))" y2="\(text(y(tick)))" stroke="#ddd"/>
        <text x="\(margin - 8)" y="\(text(y(tick) + 4))" text-anchor="end">\(Self.label(tick))</text>

        """
    }
    for tick in Self.ticks(to: xMaximum) {
      body += """
        <text x="\(text(x(tick)))" y="\(bottom + 20)" text-anchor="middle">\(Self.label(tick))</text>

        """
    }
    for (index, line) in lines.enumerated() {
      let path = line.points.map { "\(text(x($0.x))),\(text(y($0.y)))" }.joined(separator: " ")
      let markers = line.points.count > 40 ? [] : line.points
      body += """
        <polyline points="\(path)" fill="none" stroke="\(line.color)" stroke-width="2"/>
        \(markers.map { "<circle cx=\"\(text(x($0.x)))\" cy=\"\(text(y($0.y)))\" r=\"3\" fill=\"\(line.color)\"/>" }.joined())
        <text x="\(right - 100)" y="\(margin + 20.0 * Double(index))" fill="\(line.color)">\(line.name)</text>

        """
    }
    return """
      <svg xmlns="http://www.w3.org/2000/svg" width="\(width)" height="\(height)" font-family="sans-serif" font-size="13">
      <rect width="100%" height="100%" fill="white"/>
      <text x="\(margin)" y="30" font-size="16">\(title)</text>
      <text x="\((margin + right) / 2)" y="\(height - 15)" text-anchor="middle">\(xLabel)</text>
      <line x1="\(margin)" x2="\(right)" y1="\(bottom)" y2="\(bottom)" stroke="black"/>
      <line x1="\(margin)" x2="\(margin)" y1="\(margin)" y2="\(bottom)" stroke="black"/>
      \(body)</svg>

      """
  }

  /// About five round numbers from 0 to `maximum`.
  package static func ticks(to maximum: Double) -> [Double] {
    let rough = maximum / 5
    let power = pow(10, log10(rough).rounded(.down))
    let step = [1.0, 2, 5, 10].map { $0 * power }.first { $0 >= rough } ?? power
    return Array(stride(from: 0, through: maximum * 1.0001, by: step))
  }

  package static func label(_ value: Double) -> String {
    value == value.rounded() ? String(Int(value)) : String(format: "%g", value)
  }
}
