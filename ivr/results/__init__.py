"""Results: what the stored calls say. Queries read, figures count; neither prints."""
