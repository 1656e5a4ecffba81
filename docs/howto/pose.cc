// Joints of the person in an image, by TensorFlow's C API: ./pose MODEL_FOLDER IMAGE.ppm
// The model is written by bin/export.py --format=savedmodel; how to compile this is in
// without_tensorflow.md beside this file. Prints x, y and confidence of each joint.

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "tensorflow/c/c_api.h"

static void check(bool good, const char* what) {
  if (good) return;
  std::fprintf(stderr, "error: %s\n", what);
  std::exit(2);
}

int main(int count, char** arguments) {
  check(count == 3, "expected: pose MODEL_FOLDER IMAGE.ppm");

  // A binary PPM: "P6 width height 255", one byte of white space, then RGB bytes.
  std::FILE* file = std::fopen(arguments[2], "rb");
  check(file, "the image cannot be opened");
  int width = 0, height = 0, most = 0;
  check(std::fscanf(file, "P6 %d %d %d", &width, &height, &most) == 3 && most == 255 &&
            width > 0 && height > 0,
        "the image is no PPM of 8 bits");
  std::fgetc(file);
  std::vector<uint8_t> pixels(size_t{3} * width * height);
  check(std::fread(pixels.data(), 1, pixels.size(), file) == pixels.size(), "the image is cut off");
  std::fclose(file);

  TF_Status* status = TF_NewStatus();
  TF_Graph* graph = TF_NewGraph();
  TF_SessionOptions* options = TF_NewSessionOptions();
  const char* tags[] = {"serve"};
  TF_Session* session = TF_LoadSessionFromSavedModel(options, nullptr, arguments[1], tags, 1, graph,
                                                     nullptr, status);
  check(TF_GetCode(status) == TF_OK, TF_Message(status));

  // Names of a signature's tensors: saved_model_cli show --dir MODEL_FOLDER --all. The results of
  // "image" are in the order of their names: beliefs, confidence, joints_px, region.
  TF_Operation* image = TF_GraphOperationByName(graph, "image_image");
  TF_Operation* call = TF_GraphOperationByName(graph, "StatefulPartitionedCall_2");
  check(image && call, "the model has no function image");
  const TF_Output input{image, 0};
  const TF_Output outputs[] = {{call, 1}, {call, 2}};

  const int64_t sizes[] = {height, width, 3};
  TF_Tensor* value = TF_AllocateTensor(TF_UINT8, sizes, 3, pixels.size());
  std::memcpy(TF_TensorData(value), pixels.data(), pixels.size());
  TF_Tensor* results[] = {nullptr, nullptr};
  TF_SessionRun(session, nullptr, &input, &value, 1, outputs, results, 2, nullptr, 0, nullptr,
                status);
  check(TF_GetCode(status) == TF_OK, TF_Message(status));

  const float* confidence = static_cast<const float*>(TF_TensorData(results[0]));
  const float* joints_px = static_cast<const float*>(TF_TensorData(results[1]));
  for (int64_t p = 0; p < TF_Dim(results[0], 0); ++p) {
    std::printf("%.3f %.3f %.4f\n", joints_px[2 * p], joints_px[2 * p + 1], confidence[p]);
  }
  return 0;
}
