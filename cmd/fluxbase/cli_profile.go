package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// profile is what a login leaves: the access token of one account at one address.
type profile struct {
	Email   string `json:"email"`
	Token   string `json:"token"`
	TokenID string `json:"token_id,omitempty"`
}

// profileFile is the file's content: one profile for each address, and the address signed in to last.
type profileFile struct {
	Current  string             `json:"current"`
	Profiles map[string]profile `json:"profiles"`
}

// profileStore keeps profiles in a file that only its owner can read.
type profileStore struct{ path string }

// profilePath follows the XDG base directory specification, on every system.
func profilePath(env func(string) string) string {
	dir := env("XDG_CONFIG_HOME")
	if dir == "" || !filepath.IsAbs(dir) {
		home, err := os.UserHomeDir()
		if err != nil {
			return ""
		}
		dir = filepath.Join(home, ".config")
	}
	return filepath.Join(dir, "fluxbase", "profiles.json")
}

func (s profileStore) read() (profileFile, error) {
	file := profileFile{Profiles: map[string]profile{}}
	raw, err := os.ReadFile(s.path)
	if s.path == "" || errors.Is(err, fs.ErrNotExist) {
		return file, nil
	}
	if err != nil {
		return file, fmt.Errorf("read the saved profiles: %w", err)
	}
	if err := json.Unmarshal(raw, &file); err != nil {
		return file, fmt.Errorf("the saved profiles in %s cannot be read (%w); remove the file and log in again", s.path, err)
	}
	if file.Profiles == nil {
		file.Profiles = map[string]profile{}
	}
	return file, nil
}

// current is the address signed in to last, or "".
func (s profileStore) current() string {
	file, err := s.read()
	if err != nil {
		return ""
	}
	return file.Current
}

func (s profileStore) find(url string) (profile, bool, error) {
	file, err := s.read()
	p, ok := file.Profiles[url]
	return p, ok, err
}

// save keeps the profile of an address and makes it the current one.
func (s profileStore) save(url string, p profile) error {
	file, err := s.read()
	if err != nil {
		return err
	}
	file.Profiles[url], file.Current = p, url
	return s.write(file)
}

// forget removes the profile of an address.
func (s profileStore) forget(url string) error {
	file, err := s.read()
	if err != nil {
		return err
	}
	delete(file.Profiles, url)
	if file.Current == url {
		file.Current = ""
	}
	return s.write(file)
}

// write replaces the file in one step, so that a reader never sees half of it.
func (s profileStore) write(file profileFile) error {
	if s.path == "" {
		return errors.New("there is no home folder to save the profile in; set XDG_CONFIG_HOME")
	}
	raw, err := json.MarshalIndent(file, "", "  ")
	if err != nil {
		return fmt.Errorf("encode the profiles: %w", err)
	}
	dir := filepath.Dir(s.path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("save the profile: %w", err)
	}
	tmp, err := os.CreateTemp(dir, ".profiles-*") // CreateTemp makes it 0600
	if err != nil {
		return fmt.Errorf("save the profile: %w", err)
	}
	defer os.Remove(tmp.Name()) //nolint:errcheck // gone after the rename
	_, err = tmp.Write(append(raw, '\n'))
	if err = errors.Join(err, tmp.Close()); err == nil {
		err = os.Rename(tmp.Name(), s.path)
	}
	if err != nil {
		return fmt.Errorf("save the profile: %w", err)
	}
	return nil
}
