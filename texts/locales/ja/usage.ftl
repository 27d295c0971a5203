### What is wrong with the arguments, and the frame of help pages.
