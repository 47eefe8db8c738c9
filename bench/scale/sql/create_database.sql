CREATE DATABASE scale_empty
