"""The teaching machinery: what the lessons ask, how they are checked, and which mistake a wrong answer looks like."""
