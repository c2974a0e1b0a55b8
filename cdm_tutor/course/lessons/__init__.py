"""What each lesson asks: one file a lesson, with its LESSON."""
