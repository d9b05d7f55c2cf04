@main struct BugurtClean { static func main() {} }
