"""Pages and pictures: templates, the shared style sheet and the colours of labels; needs the extra `pages`."""
